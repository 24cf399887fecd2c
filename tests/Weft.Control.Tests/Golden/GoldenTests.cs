using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Golden;

/// <summary>YAML in, everything that Weft makes of it out. <c>WEFT_UPDATE_GOLDEN=1</c> rewrites what is expected; read the difference before committing it.</summary>
public sealed class GoldenTests
{
    private static readonly string Root = Path.Combine(Tool.RepositoryRoot(), "tests", "Weft.Control.Tests", "Golden");

    public static TheoryData<string> Cases => [.. Directory.GetDirectories(Root).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_gives_what_its_folder_says(string name)
    {
        var folder = Path.Combine(Root, name);
        foreach (var (file, content) in new GoldenCase(folder).Run())
        {
            var path = Path.Combine(folder, file);
            if (Environment.GetEnvironmentVariable("WEFT_UPDATE_GOLDEN") == "1") Update(path, content);
            (File.Exists(path) ? File.ReadAllText(path) : null).ShouldBe(content, $"{name}/{file} differs");
        }
    }

    [Fact]
    public void There_are_cases() => Cases.Count.ShouldBeGreaterThanOrEqualTo(25);

    private static void Update(string path, string? content)
    {
        if (content is not null) File.WriteAllText(path, content);
        else if (File.Exists(path)) File.Delete(path);
    }
}

using System.Text.RegularExpressions;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Architecture.Tests;

/// <summary>Engine rule 14: unsafe code lives where the operating system and OpenSSL are called, and nowhere else.</summary>
public sealed partial class UnsafeCodeTests
{
    [Fact]
    public void Unsafe_code_is_confined_to_transport_and_buffers()
    {
        var src = Path.Combine(Tool.RepositoryRoot(), "src");
        var elsewhere = Directory.GetFiles(src, "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/Weft.Proxy/Transport/", StringComparison.Ordinal) && !f.Contains("/Weft.Proxy/Buffers/", StringComparison.Ordinal))
            .Where(f => UnsafeKeyword().IsMatch(File.ReadAllText(f)));
        elsewhere.ShouldBeEmpty();
    }

    [GeneratedRegex(@"^[^/""]*\bunsafe\b\s*(class|struct|static|void|\{|partial|sealed)", RegexOptions.Multiline)]
    private static partial Regex UnsafeKeyword();
}

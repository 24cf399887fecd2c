using System.Xml.Linq;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Architecture.Tests;

/// <summary>Holds the table of rooms in ARCHITECTURE.md: which room may reference which.</summary>
public sealed class ReferenceTableTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Protos"] = [],
        ["Grpc"] = [],
        ["Resources"] = [],
        ["Xds"] = ["Protos", "Grpc"],
        ["Identity"] = ["Protos", "Grpc"],
        ["Telemetry"] = ["Protos", "Grpc"],
        ["Routing"] = ["Protos", "Telemetry"],
        ["Proxy"] = ["Protos", "Grpc", "Xds", "Identity", "Telemetry", "Routing"],
        ["Control"] = ["Protos", "Grpc", "Resources", "Xds", "Identity", "Telemetry", "Routing"],
        ["LoadTest"] = ["Telemetry"],
        ["Cli"] = ["Protos", "Grpc", "Resources", "Xds", "Identity", "Telemetry", "Routing", "Control", "LoadTest", "Proxy"],
    };

    [Fact]
    public void Every_room_references_only_what_the_table_allows()
    {
        var src = Path.Combine(Tool.RepositoryRoot(), "src");
        var rooms = Directory.GetDirectories(src).Where(d => Directory.GetFiles(d, "*.csproj").Length > 0).ToList();
        rooms.ShouldNotBeEmpty();
        foreach (var room in rooms)
        {
            var name = Path.GetFileName(room)["Weft.".Length..];
            Allowed.ShouldContainKey(name, $"{name} is a new room: add it to ARCHITECTURE.md and to this table");
            ReferencesOf(room).Except(Allowed[name]).ShouldBeEmpty($"Weft.{name} references a room that the table does not allow");
        }
    }

    [Fact]
    public void Nothing_in_src_references_tests_bench_or_samples()
    {
        var src = Path.Combine(Tool.RepositoryRoot(), "src");
        foreach (var project in Directory.GetFiles(src, "*.csproj", SearchOption.AllDirectories))
        {
            foreach (var include in Includes(project))
                Path.GetFullPath(Path.Combine(Path.GetDirectoryName(project)!, include)).ShouldStartWith(src, Case.Sensitive, $"{project} leaves src");
        }
    }

    private static IEnumerable<string> ReferencesOf(string room) =>
        Directory.GetFiles(room, "*.csproj").SelectMany(Includes).Select(i => Path.GetFileNameWithoutExtension(i)["Weft.".Length..]);

    private static IEnumerable<string> Includes(string project) =>
        XDocument.Load(project).Descendants("ProjectReference").Select(r => r.Attribute("Include")!.Value);
}

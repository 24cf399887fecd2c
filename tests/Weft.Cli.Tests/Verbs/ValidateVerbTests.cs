using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Verbs;

public sealed class ValidateVerbTests
{
    /// <summary>Each line with a mistake ends in its number.</summary>
    internal const string TenMistakes = """
        apiVersion: v1
        kind: Service
        metadata:
          name: Catalog_1            # 1
        spec:
          selektor: {app: catalog}   # 2
          ports:
            - {name: http, port: 80000}   # 3
            - {port: 81, protokol: TCP}   # 4
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: catalog}
        spec:
          parentRefs:
            - {group: "", kind: Service, name: catalog}
          rules:
            - matches:
                - path: {type: Prefix, value: /books}   # 5
              backendRefs:
                - {name: catalog-v1, port: 80, wieght: 90}   # 6
                - {name: catalog-v2, port: 80, weight: -1}   # 7
              timeouts: {request: 10 seconds}   # 8
        ---
        apiVersion: weft.dev/v1alpha1
        kind: Mesh
        metadata: {name: default}
        spec:
          mtls: strict   # 9
        ---
        apiVersion: apps/v1
        kind: Deployment   # 10
        metadata: {name: x}
        """;

    [Fact]
    public async Task Ten_mistakes_are_ten_lines_with_their_places_and_no_control_plane_is_asked()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("mesh.yaml", TenMistakes);
        var cli = new TestCli();
        (await cli.RunAsync("validate", "-f", file)).ShouldBe(ExitCode.Failed);
        cli.Requests.ShouldBeEmpty();
        var lines = cli.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var expected = TenMistakes.Split('\n').Select((text, i) => (text, Line: i + 1)).Where(l => l.text.Contains('#')).Select(l => l.Line).ToList();
        expected.Count.ShouldBe(10);
        lines[..^1].Select(l => int.Parse(l[(file.Length + 1)..].Split(':')[0])).ShouldBe(expected);
        lines[..^1].ShouldAllBe(l => l.Contains(": error WEFT"));
        lines[^1].ShouldBe($"{file}: 10 errors");
    }

    [Fact]
    public async Task A_good_file_counts_its_objects()
    {
        var cli = new TestCli { Input = """{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}""" };
        (await cli.RunAsync("validate", "-f", "-")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldBe("<stdin>: 1 object, no problem found\n");
    }

    [Fact]
    public async Task Json_gives_every_field_a_name()
    {
        var cli = new TestCli { Input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: UPPER}\n" };
        (await cli.RunAsync("validate", "-f", "-", "-o", "json")).ShouldBe(ExitCode.Failed);
        var found = JsonNode.Parse(cli.Out)!.AsArray().ShouldHaveSingleItem()!;
        ((int)found["line"]!).ShouldBe(3);
        ((string)found["path"]!).ShouldBe("metadata.name");
    }

    [Fact]
    public async Task A_folder_stands_for_its_files_and_an_absent_one_is_named()
    {
        using var folder = new TemporaryFolder();
        folder.Write("b.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n");
        folder.Write("a.json", """{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}""");
        folder.Write("readme.txt", "not for us");
        var cli = new TestCli();
        (await cli.RunAsync("validate", "-f", folder.Path)).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldBe("2 files: 2 objects, no problem found\n");
        (await cli.RunAsync("validate", "-f", "/nowhere.yaml")).ShouldBe(ExitCode.Failed);
        cli.Error.ShouldContain("/nowhere.yaml: no such file or folder");
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Verbs;

public sealed class BootstrapVerbTests
{
    private const string Sidecar = ", \"sidecar\": {\"inbound\": {\"sql\": 25432}}";

    [Fact]
    public async Task What_a_sidecar_is_started_with_is_written_for_its_owner_alone_and_how_to_go_on_is_said()
    {
        using var folder = new TemporaryFolder();
        var cli = Cli("10.77.0.1:15012", Sidecar);
        var place = Path.Combine(folder.Path, "db");
        (await cli.RunAsync("bootstrap", "db", "--transparent", "--out", place)).ShouldBe(ExitCode.Ok, cli.Error);

        File.ReadAllText(Path.Combine(place, "join-token")).ShouldBe("weft.token");
        var node = JsonNode.Parse(File.ReadAllText(Path.Combine(place, "bootstrap.json")))!["node"]!;
        node["id"]!.ToString().ShouldBe("db.default");
        foreach (var file in Directory.GetFiles(place)) File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        cli.Out.ShouldContain($"  weft proxy --bootstrap {place}/bootstrap.json --identity 10.77.0.1:15012 --join-token-file {place}/join-token ");
        cli.Out.ShouldEndWith("then, as root:\n  weft intercept install --inbound 5432:25432\n");
    }

    [Fact]
    public async Task A_file_that_is_there_is_replaced_and_not_written_into()
    {
        using var folder = new TemporaryFolder();
        var (place, elsewhere) = (Path.Combine(folder.Path, "db"), Path.Combine(folder.Path, "elsewhere"));
        Directory.CreateDirectory(place);
        File.WriteAllText(elsewhere, "mine");
        File.CreateSymbolicLink(Path.Combine(place, "join-token"), elsewhere);
        File.WriteAllText(Path.Combine(place, "bootstrap.json"), "for all to read");
        var cli = Cli("10.77.0.1:15012", Sidecar);
        (await cli.RunAsync("bootstrap", "db", "--out", place)).ShouldBe(ExitCode.Ok, cli.Error);

        File.ReadAllText(elsewhere).ShouldBe("mine");
        File.ReadAllText(Path.Combine(place, "join-token")).ShouldBe("weft.token");
        foreach (var file in Directory.GetFiles(place)) File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Theory]
    [InlineData("127.0.0.1:15012", Sidecar, "cannot reach the control plane at 127.0.0.1:15012")]
    [InlineData("0.0.0.0:15012", Sidecar, "start it with --xds IP:PORT")]
    [InlineData("10.77.0.1:15012", "", "Workload default/db has no sidecar")]
    public async Task What_could_not_work_is_refused_and_nothing_is_written(string xds, string sidecar, string named)
    {
        using var folder = new TemporaryFolder();
        var cli = Cli(xds, sidecar);
        (await cli.RunAsync("bootstrap", "db", "--out", Path.Combine(folder.Path, "db"))).ShouldBe(ExitCode.Failed);
        cli.Error.ShouldContain(named);
        Directory.GetFileSystemEntries(folder.Path).ShouldBeEmpty();
        cli.Requests.ShouldNotContain(r => r.StartsWith("POST", StringComparison.Ordinal));
    }

    private static TestCli Cli(string xds, string sidecar) => new()
    {
        Answer = (request, _) => (HttpStatusCode.OK, request.RequestUri!.AbsolutePath switch
        {
            "/weft/v1/health" => $$"""{"xds": "{{xds}}"}""",
            "/apis/weft.dev/v1alpha1/namespaces/default/workloads/db" => $$$"""
                {"apiVersion": "weft.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "db", "namespace": "default", "labels": {"app": "db"}},
                 "spec": {"address": "10.77.0.4", "serviceAccount": "books", "ports": {"sql": 5432}{{{sidecar}}}}}
                """,
            "/api/v1/namespaces/default/serviceaccounts/books/token" => """{"status": {"token": "weft.token"}}""",
            var other => throw new InvalidOperationException(other),
        }),
    };
}

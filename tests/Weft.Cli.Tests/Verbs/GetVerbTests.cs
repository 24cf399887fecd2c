using System.Net;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Verbs;

public sealed class GetVerbTests
{
    private const string Table = """
        {"kind": "Table", "columnDefinitions": [{"name": "Name"}, {"name": "Ports"}, {"name": "Age"}], "rows": [
          {"cells": ["catalog", "80/TCP", "5s"], "object": {"metadata": {"name": "catalog", "namespace": "shop", "labels": {"a": "b", "c": "d"}}}},
          {"cells": ["orders", "", "3h"], "object": {"metadata": {"name": "orders", "namespace": "shop"}}}]}
        """;

    [Fact]
    public async Task The_columns_are_those_of_the_kind()
    {
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.OK, Table) };
        (await cli.RunAsync("get", "service", "-n", "shop")).ShouldBe(ExitCode.Ok);
        cli.Requests.ShouldBe(["GET /api/v1/namespaces/shop/services"]);
        cli.Out.ShouldBe("NAME     PORTS   AGE\ncatalog  80/TCP  5s\norders   -       3h\n");
    }

    [Fact]
    public async Task All_namespaces_shows_them_and_wide_shows_labels()
    {
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.OK, Table) };
        await cli.RunAsync("get", "services", "-A", "-o", "wide");
        cli.Requests.ShouldBe(["GET /api/v1/services"]);
        cli.Out.ShouldBe("NAMESPACE  NAME     PORTS   AGE  LABELS\nshop       catalog  80/TCP  5s   a=b,c=d\nshop       orders   -       3h   -\n");
    }

    [Fact]
    public async Task Yaml_can_be_applied_again()
    {
        const string json = """{"apiVersion": "weft.dev/v1alpha1", "kind": "Mesh", "metadata": {"name": "default"}, "spec": {"mtls": "Strict"}}""";
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.OK, json) };
        (await cli.RunAsync("get", "mesh/default", "-o", "yaml")).ShouldBe(ExitCode.Ok);
        cli.Requests.ShouldBe(["GET /apis/weft.dev/v1alpha1/meshes/default"]);
        Resources.ResourceReader.ReadYaml(cli.Out, "out").Diagnostics.ShouldBeEmpty();
    }

    [Fact]
    public async Task None_is_said_on_the_error_stream_and_is_no_failure()
    {
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.OK, """{"columnDefinitions": [{"name": "Name"}], "rows": []}""") };
        (await cli.RunAsync("get", "wl")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldBeEmpty();
        cli.Error.ShouldBe("no workloads in namespace default\n");
    }

    [Fact]
    public async Task One_that_is_not_there_fails_with_the_servers_words()
    {
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.NotFound, """{"kind": "Status", "message": "services \"x\" not found in namespace default"}""") };
        (await cli.RunAsync("get", "service", "x")).ShouldBe(ExitCode.Failed);
        cli.Error.ShouldBe("weft: services \"x\" not found in namespace default\n");
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Verbs;

public sealed class ApplyVerbTests
{
    private const string Applied = """
        {"revision": 7, "diagnostics": [], "objects": [
          {"action": "configured", "kind": "HTTPRoute", "namespace": "default", "name": "catalog"}, {"action": "created", "kind": "Mesh", "namespace": "", "name": "default"}]}
        """;

    [Fact]
    public async Task Each_object_is_a_line()
    {
        var cli = new TestCli { Input = "kind: X", Answer = (_, body) => (HttpStatusCode.OK, body == "kind: X" ? Applied : "{}") };
        (await cli.RunAsync("apply", "-f", "-", "-n", "shop")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldBe("HTTPRoute default/catalog configured\nMesh default created\n");
        cli.Requests.ShouldBe(["POST /weft/v1/apply?namespace=shop&fileName=%3Cstdin%3E"]);
    }

    [Fact]
    public async Task A_refusal_prints_every_diagnostic_and_that_nothing_changed()
    {
        const string refusal = """
            {"kind": "Status", "code": 422, "message": "the request is invalid", "details": {"diagnostics": [
              {"code": "WEFT1101", "severity": "Error", "resource": "Service default/a", "path": "spec.x", "file": "mesh.yaml", "line": 3, "column": 5, "message": "no field x", "fix": "remove it"},
              {"code": "WEFT1900", "severity": "Warning", "resource": "", "path": "", "file": "mesh.yaml", "line": 9, "column": 1, "message": "odd", "fix": ""}]}}
            """;
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.UnprocessableEntity, refusal) };
        (await cli.RunAsync("apply", "-f", "-", "--wait")).ShouldBe(ExitCode.Failed);
        cli.Out.ShouldBeEmpty();
        cli.Error.ShouldBe(
            """
            mesh.yaml:3:5: error WEFT1101: no field x (Service default/a, spec.x). remove it
            mesh.yaml:9:1: warning WEFT1900: odd
            weft: 1 error and 1 warning; nothing was changed

            """);
    }

    [Fact]
    public async Task Several_files_are_one_transaction_and_a_mistake_in_the_second_keeps_the_first_from_being_sent()
    {
        using var folder = new TemporaryFolder();
        var good = folder.Write("a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
        var bad = folder.Write("b.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: B}\n");
        var sent = new List<string>();
        var cli = new TestCli { Answer = (_, body) => { sent.Add(body); return (HttpStatusCode.OK, Applied); } };

        (await cli.RunAsync("apply", "-f", good, "-f", bad)).ShouldBe(ExitCode.Failed);
        sent.ShouldBeEmpty();
        cli.Error.ShouldContain($"{bad}:3:");
        cli.Error.ShouldContain("nothing was changed");

        (await cli.RunAsync("apply", "-f", good, folder.Write("c.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n"))).ShouldBe(ExitCode.Ok);
        JsonNode.Parse(sent.ShouldHaveSingleItem())!["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!).ShouldBe(["a", "c"]);
    }

    [Fact]
    public async Task Wait_says_of_each_proxy_when_it_acknowledged()
    {
        var asked = 0;
        var cli = Rollout(() => asked++ == 0 ? Report(false, ("a.default", "acked"), ("b.default", "pending")) : Report(true, ("a.default", "acked"), ("b.default", "acked")));
        (await cli.RunAsync("apply", "-f", "-", "--wait")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldEndWith("a.default acknowledged in 100 ms\nb.default acknowledged in 200 ms\n2 proxies acknowledged within 200 ms\n");
    }

    [Fact]
    public async Task Wait_ends_with_the_refusal_and_its_reason()
    {
        var cli = Rollout(() => Report(true, ("a.default", "acked"), ("b.default", "refused")));
        (await cli.RunAsync("apply", "-f", "-", "--wait")).ShouldBe(ExitCode.Failed);
        cli.Out.ShouldContain("b.default refused in 100 ms: route catalog.default:80: bad regex (HTTPRoute default/catalog)");
        cli.Error.ShouldContain("1 proxy refused");
    }

    [Fact]
    public async Task Wait_gives_up_after_its_time_and_names_who_has_not_answered()
    {
        var cli = Rollout(() => Report(false, ("a.default", "acked"), ("b.default", "pending")));
        (await cli.RunAsync("apply", "-f", "-", "--wait", "--timeout", "1s")).ShouldBe(ExitCode.Failed);
        cli.Out.ShouldContain("b.default has not answered");
        cli.Error.ShouldContain("within 1 s");
    }

    [Fact]
    public async Task Wait_warns_of_a_route_that_does_not_do_what_it_says_once_its_status_is_of_what_was_written()
    {
        var asked = 0;
        var cli = Rollout(() => Report(true), () => Route(observed: asked++ < 3 ? 1 : 2));
        (await WhileTimePasses(cli, cli.RunAsync("apply", "-f", "-", "--wait"))).ShouldBe(ExitCode.Ok);
        cli.Error.ShouldBe("warning: HTTPRoute default/catalog at Service catalog: BackendNotFound: Service default/nosuch does not exist\n");

        static string Route(int observed) => $$$"""
            {"metadata": {"generation": 2}, "spec": {"parentRefs": [{"kind": "Service", "name": "catalog"}]}, "status": {"parents": [{"parentRef": {"kind": "Service", "name": "catalog"}, "conditions": [
              {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "fine", "observedGeneration": {{{observed}}}},
              {"type": "ResolvedRefs", "status": "{{{(observed == 2 ? "False" : "True")}}}", "reason": "BackendNotFound", "message": "Service default/nosuch does not exist", "observedGeneration": {{{observed}}}}]}]}}
            """;
    }

    [Fact]
    public async Task Wait_does_not_wait_for_ever_for_a_status_that_nobody_writes()
    {
        var cli = Rollout(() => Report(true), () => """{"metadata": {"generation": 1}, "spec": {"parentRefs": [{"kind": "Service", "name": "catalog"}]}}""");
        (await WhileTimePasses(cli, cli.RunAsync("apply", "-f", "-", "--wait"))).ShouldBe(ExitCode.Ok);
        cli.Error.ShouldBeEmpty();
    }

    private static async Task<int> WhileTimePasses(TestCli cli, Task<int> run)
    {
        var time = (TestSupport.ManualTime)cli.Time;
        for (var passed = 0; !run.IsCompleted && passed < 1000; passed++)
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        return await run.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    /// <summary>A control plane on which every question about a rollout or a route takes 100 ms.</summary>
    private static TestCli Rollout(Func<string> report, Func<string>? route = null)
    {
        var time = new TestSupport.ManualTime();
        return new TestCli
        {
            Time = time,
            Answer = (request, _) =>
            {
                if (request.RequestUri!.AbsolutePath == "/weft/v1/apply") return (HttpStatusCode.OK, Applied);
                if (request.RequestUri.AbsolutePath == "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes/catalog")
                {
                    time.Advance(TimeSpan.FromMilliseconds(100));
                    return (HttpStatusCode.OK, route?.Invoke() ?? "{}");
                }
                request.RequestUri.Query.ShouldContain("revision=7");
                time.Advance(TimeSpan.FromMilliseconds(100));
                return (HttpStatusCode.OK, report());
            },
        };
    }

    private static string Report(bool complete, params (string Node, string State)[] proxies) => new JsonObject
    {
        ["complete"] = complete,
        ["proxies"] = new JsonArray([.. proxies.Select(p => JsonNode.Parse($$"""
            {"node": "{{p.Node}}", "state": "{{p.State}}", "refusals": [{"type": "route", "name": "catalog.default:80", "message": "bad regex", "resources": ["HTTPRoute default/catalog"]}]}
            """))]),
    }.ToJsonString();
}

using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Api;
using Weft.Identity;
using Weft.TestSupport;
using Xunit;
using static Weft.Control.Tests.Api.TestApi;

namespace Weft.Control.Tests.Api;

public sealed class ApiServerTests : IAsyncLifetime
{
    private readonly TestApi _api = new() { Options = new ApiOptions { MaxBodyBytes = 10_000 } };

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Join_token_is_issued_for_a_service_account_that_exists_and_its_secret_is_not_stored()
    {
        var answer = (await _api.PostAsync("/api/v1/namespaces/default/serviceaccounts/default/token", "{}")).ShouldSucceed(201);
        ((string?)answer["status"]!["expirationTimestamp"]).ShouldBe("2026-01-01T00:10:00Z");
        var text = (string?)answer["status"]!["token"];
        JoinToken.TryParse(text, out var token, out _).ShouldBeTrue();
        Encoding.UTF8.GetString(_api.Files["resources.log"]).ShouldContain(token!.Id);
        Encoding.UTF8.GetString(_api.Files["resources.log"]).ShouldNotContain(text!.Split('.')[2]);
        (await _api.PostAsync("/api/v1/namespaces/default/serviceaccounts/nobody/token", "{}")).ShouldFail(404, "NotFound");

        var book = new JoinTokenBook(new StoredJoinTokens(_api.Store), JoinTokenBook.DefaultLifetime, _api.Time);
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => book.RedeemAsync(token, default).AsTask()));
        results.Count(r => r.Token is not null).ShouldBe(1, "one use, whoever races");
        results.Single(r => r.Token is not null).Token!.ServiceAccount.ShouldBe("default");
    }

    [Fact]
    public async Task Expired_tokens_leave_the_store_when_the_next_is_issued()
    {
        (await _api.PostAsync("/api/v1/namespaces/default/serviceaccounts/default/token", "{}")).ShouldSucceed(201);
        _api.Time.Advance(TimeSpan.FromMinutes(11));
        (await _api.PostAsync("/api/v1/namespaces/default/serviceaccounts/default/token", "{}")).ShouldSucceed(201);
        _api.Store.Current.List(StoredJoinTokens.Collection).Count().ShouldBe(1);
    }

    [Fact]
    public async Task Body_over_the_limit_is_413_and_names_the_setting() =>
        ((string?)(await _api.PostAsync(Services, new string(' ', 10_001))).ShouldFail(413, "RequestEntityTooLarge")["message"])!.ShouldContain("MaxBodyBytes");

    [Fact]
    public async Task Web_page_of_another_site_is_kept_out()
    {
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/api/v1/namespaces") { Headers = { Host = "evil.example:80" } };
        using var forged = new HttpRequestMessage(HttpMethod.Post, Services) { Content = new StringContent(Service("x")), Headers = { { "Origin", "https://evil.example" } } };
        foreach (var request in new[] { rebound, forged })
        {
            using var response = await _api.Client.SendAsync(request);
            response.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        }
        _api.Store.Current.Count.ShouldBe(4);
    }

    [Fact]
    public async Task Discovery_lists_every_kind_with_its_names()
    {
        ((string?)(await _api.GetAsync("/api")).ShouldSucceed()["versions"]![0]).ShouldBe("v1");
        var groups = (await _api.GetAsync("/apis")).ShouldSucceed()["groups"]!.AsArray().Select(g => (string?)g!["name"]);
        groups.ShouldBe(["coordination.k8s.io", "discovery.k8s.io", "gateway.networking.k8s.io", "weft.dev"]);
        var weft = (await _api.GetAsync("/apis/weft.dev/v1alpha1")).ShouldSucceed();
        weft["resources"]!.AsArray().Select(r => (string?)r!["name"]).ShouldBe(["meshes", "workloads"], ignoreOrder: true);
        (await _api.GetAsync("/apis/weft.dev/v9")).ShouldFail(404, "NotFound");
        (await _api.SendAsync(HttpMethod.Delete, Services)).ShouldFail(405, "MethodNotAllowed");
    }

    [Fact]
    public async Task Kubectl_lists_creates_watches_and_deletes()
    {
        var kubectl = Tool.Require("kubectl", "kubernetes-client");
        var file = Path.Combine(Path.GetTempPath(), $"weft-kubectl-{Environment.ProcessId}.yaml");
        await File.WriteAllTextAsync(file, "apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: web-1, labels: {app: web}}\nspec: {address: 10.1.2.3, ports: {http: 8080}}\n");
        try
        {
            (await RunAsync(kubectl, "create", "--validate=false", "-f", file)).ShouldContain("workload.weft.dev/web-1 created");
            var table = await RunAsync(kubectl, "get", "workloads");
            table.ShouldContain("ADDRESS");
            table.ShouldContain("10.1.2.3");
            (await RunAsync(kubectl, "get", "wl", "web-1", "-o", "jsonpath={.spec.ports.http}")).ShouldBe("8080");
            (await RunAsync(kubectl, "apply", "--server-side", "--validate=false", "-f", file)).ShouldContain("serverside-applied");
            (await RunAsync(kubectl, "patch", "workload", "web-1", "--type=merge", "-p", """{"spec":{"weight":7}}""")).ShouldContain("patched");
            (await RunAsync(kubectl, "api-resources")).ShouldContain("workloads");
            (await RunAsync(kubectl, "delete", "workload", "web-1")).ShouldContain("deleted");
            (await RunAsync(kubectl, "get", "namespaces", "-o", "name")).ShouldContain("namespace/weft-system");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private async Task<string> RunAsync(string kubectl, params string[] arguments)
    {
        var start = new ProcessStartInfo(kubectl, [$"--server={_api.Client.BaseAddress}", $"--cache-dir={Path.Combine(Path.GetTempPath(), $"weft-kube-{Environment.ProcessId}")}", .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, Environment = { ["KUBECONFIG"] = "/dev/null" },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        process.ExitCode.ShouldBe(0, $"kubectl {string.Join(' ', arguments)}: {await errors}");
        return (await output).Trim();
    }
}

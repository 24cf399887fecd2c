using System.Diagnostics;
using System.Net;
using Shouldly;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>Proxies that start while their control plane is away.</summary>
public sealed class OutageTests
{
    [Fact]
    public async Task Proxies_killed_during_an_outage_serve_again_within_five_seconds_stale_until_the_control_plane_returns()
    {
        await using var app = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync();
        var server = await mesh.AddAsync("catalog", app.Port);
        var client = await mesh.AddAsync("storefront", 0);
        using (var http = client.Client()) (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("hello");
        await MeshEndToEndTests.Eventually(async () => (await File.ReadAllTextAsync(Path.Combine(server.Cache, "config.cache"))).ShouldNotBeEmpty());
        // The client asked for catalog only now: that has to be in its file too.
        await MeshEndToEndTests.Eventually(async () => (await File.ReadAllTextAsync(Path.Combine(client.Cache, "config.cache"))).ShouldContain("catalog.default:80"));

        await mesh.Control.DisposeAsync();
        server.Kill();
        client.Kill();
        var watch = Stopwatch.StartNew();
        server.Start();
        client.Start();
        await server.ReadyAsync();
        await client.ReadyAsync();
        using var proxied = client.Client();
        (await proxied.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("hello");
        TestContext.Current.TestOutputHelper?.WriteLine($"both serve {watch.ElapsedMilliseconds} ms after their start");
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
        using var unknown = await proxied.GetAsync("http://nosuch/", TestContext.Current.CancellationToken);
        unknown.StatusCode.ShouldNotBe(HttpStatusCode.OK);
        (await ReadyTextAsync(server)).ShouldContain("stale: true");
        (await ReadyTextAsync(client)).ShouldContain("stale: true");

        // A response that runs while the control plane comes back is not cut by that.
        var across = proxied.GetStringAsync("http://catalog/slow?seconds=6", TestContext.Current.CancellationToken);
        await mesh.StartControlAsync();
        await MeshEndToEndTests.Eventually(async () =>
        {
            (await ReadyTextAsync(server)).ShouldBe("LIVE\n");
            (await ReadyTextAsync(client)).ShouldBe("LIVE\n");
        });
        (await across).Split('\n').Length.ShouldBe(61);
        (await proxied.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("hello");
    }

    [Fact]
    public async Task Certificates_that_ended_during_an_outage_prove_nothing_and_heal_without_a_restart()
    {
        await using var app = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync(leafLifetime: TimeSpan.FromSeconds(8));
        var server = await mesh.AddAsync("catalog", app.Port);
        var client = await mesh.AddAsync("storefront", 0);
        using (var http = client.Client()) (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("hello");
        await MeshEndToEndTests.Eventually(async () => (await File.ReadAllTextAsync(Path.Combine(client.Cache, "config.cache"))).ShouldContain("catalog.default:80"));

        await mesh.Control.DisposeAsync();
        await Task.Delay(TimeSpan.FromSeconds(9), TestContext.Current.CancellationToken);
        server.Kill();
        client.Kill();
        server.Start();
        client.Start();
        await MeshEndToEndTests.Eventually(async () =>
        {
            (await ReadyTextAsync(server)).ShouldStartWith("INITIALIZING\ncertificate: expired at ");
            (await ReadyTextAsync(client)).ShouldContain("stale: true");
        });
        var served = app.Served;
        using var proxied = client.Client();
        await MeshEndToEndTests.Eventually(async () => // until it listens again, the connection fails before any TLS does
        {
            using var refused = await proxied.GetAsync("http://catalog/", TestContext.Current.CancellationToken);
            refused.Headers.GetValues("x-weft-fault").Single().ShouldBe("tls-failure");
        });
        app.Served.ShouldBe(served, "nothing reached the application, and nothing went out in plaintext");

        await mesh.StartControlAsync();
        await MeshEndToEndTests.Eventually(async () => (await proxied.GetStringAsync("http://catalog/")).ShouldBe("hello"));
        await MeshEndToEndTests.Eventually(async () => (await ReadyTextAsync(server)).ShouldBe("LIVE\n"));
    }

    private static async Task<string> ReadyTextAsync(Sidecar sidecar)
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync($"http://127.0.0.1:{sidecar.Admin}/ready");
        return await answer.Content.ReadAsStringAsync();
    }
}

using Shouldly;
using Weft.LoadTest;
using Xunit;

namespace Weft.Scenarios.Mesh;

public sealed class InstanceLossTests
{
    [Theory]
    [InlineData("proxy")]
    [InlineData("application")]
    public async Task A_killed_instance_costs_no_idempotent_request_while_another_is_up(string victim)
    {
        await using var stays = await Application.StartAsync("hello");
        var goes = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", stays.Port, workload: "catalog-a");
        var dying = await mesh.AddAsync("catalog", goes.Port, workload: "catalog-b");
        var client = await mesh.AddAsync("storefront", 0);
        using (var http = client.Client()) await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken);

        var load = LoadGenerator.RunAsync(new LoadOptions
        {
            Target = new Uri("http://catalog/"), Proxy = new Uri($"http://127.0.0.1:{client.Outbound}"), Rate = 200, Connections = 16, Duration = TimeSpan.FromSeconds(6),
        }, TestContext.Current.CancellationToken);
        await Task.Delay(2000, TestContext.Current.CancellationToken);
        goes.Served.ShouldBeGreaterThan(10, "the victim must be serving when it dies");
        if (victim == "proxy") dying.Kill();
        else await goes.KillAsync();
        var report = await load;

        report.Failed.ShouldBe(0, string.Join("; ", report.FirstFailures.Take(5)));
        report.Requests.ShouldBeGreaterThan(1000);
    }
}

using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Tests.Api;
using Xunit;

namespace Weft.Control.Tests;

/// <summary>The whole control plane in a process of its own, killed with SIGKILL while clients write over HTTP, again and again over one folder.</summary>
public sealed class ControlPlaneKillTests : IDisposable
{
    internal const string ChildFolder = "WEFT_TEST_CONTROL_PLANE";
    private const int Writers = 6;
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-kill-control-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Serves until it is killed.</summary>
    internal static async Task RunAsync(string folder)
    {
        await using var control = await ControlPlane.StartAsync(new ControlPlaneOptions
        {
            DataDirectory = folder, ApiAddress = new IPEndPoint(IPAddress.Loopback, 0), XdsAddress = new IPEndPoint(IPAddress.Loopback, 0),
        });
        Console.WriteLine(control.ApiAddress);
        await Task.Delay(Timeout.Infinite);
    }

    [Fact]
    public async Task Every_acknowledged_apply_is_there_whole_and_versions_never_go_back()
    {
        var rounds = Environment.GetEnvironmentVariable("WEFT_LONG") == "1" ? 50 : 3;
        var random = new Random(20261120);
        var acknowledged = new int[Writers];
        long revision = 0;
        for (var round = 0; round <= rounds; round++)
        {
            using var child = Start();
            var address = await child.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"round {round}: it did not start");
            using var client = new HttpClient { BaseAddress = new Uri($"http://{address}") };
            await CheckAsync(client, acknowledged, revision, round);
            var writers = Enumerable.Range(0, Writers).Select(w => WriteAsync(client, w, acknowledged, r => InterlockedMax(ref revision, r))).ToArray();
            while (round < rounds && acknowledged.Min() < (round + 1) * 3) await Task.Delay(5);
            await Task.Delay(random.Next(50));
            child.Kill();
            await Task.WhenAll(writers);
            await child.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task Signals_belong_to_the_process_and_not_to_its_web_servers()
    {
        using var child = Start();
        (await child.StandardOutput.ReadLineAsync()).ShouldNotBeNull();
        using var kill = Process.Start("kill", ["-TERM", child.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await child.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
        child.ExitCode.ShouldBe(128 + 15, "the default action: nobody took the signal");
    }

    /// <summary>Applies pairs of objects with one number until the server is gone.</summary>
    private static async Task WriteAsync(HttpClient client, int writer, int[] acknowledged, Action<long> seen)
    {
        for (var n = acknowledged[writer] + 1; ; n++)
        {
            var body = $"{Pair(writer, "left", n)}\n---\n{Pair(writer, "right", n)}";
            try
            {
                using var response = await client.PostAsync("/weft/v1/apply", new StringContent(body, Encoding.UTF8, "application/yaml"));
                var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
                response.StatusCode.ShouldBeOk();
                seen((long)answer["revision"]!);
                acknowledged[writer] = n;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                return;
            }
        }
    }

    private static async Task CheckAsync(HttpClient client, int[] acknowledged, long revision, int round)
    {
        var list = JsonNode.Parse(await client.GetStringAsync("/api/v1/namespaces/default/services"))!;
        long.Parse((string)list["metadata"]!["resourceVersion"]!).ShouldBeGreaterThanOrEqualTo(revision, $"round {round}");
        var numbers = list["items"]!.AsArray().ToDictionary(i => (string)i!["metadata"]!["name"]!, i => int.Parse((string)i!["metadata"]!["labels"]!["n"]!));
        for (var w = 0; w < Writers; w++)
        {
            var left = numbers.GetValueOrDefault($"left{w}");
            left.ShouldBe(numbers.GetValueOrDefault($"right{w}"), $"round {round}: half of a transaction");
            left.ShouldBeInRange(acknowledged[w], acknowledged[w] + 1, $"round {round}, writer {w}");
            acknowledged[w] = left;
        }
    }

    private static string Pair(int writer, string side, int n) =>
        $$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{side}}{{writer}}","labels":{"n":"{{n}}"} },"spec":{"ports":[{"port":80}]} }""";

    private static void InterlockedMax(ref long target, long value)
    {
        long seen;
        while ((seen = Interlocked.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen) { }
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false, Environment = { [ChildFolder] = _folder } };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(ControlPlaneKillTests).Assembly.Location);
        return Process.Start(start)!;
    }
}

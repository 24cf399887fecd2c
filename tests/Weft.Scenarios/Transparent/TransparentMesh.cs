using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Shouldly;
using Weft.Scenarios.CommandLine;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Transparent;

/// <summary>
/// A small data centre: a router with the control plane, a client, two servers and a bystander, each on a link of its own. Every service, and the client, has a weft-proxy that runs as user 1337; what
/// comes to a server and what the client says is led there by <c>weft intercept install</c>. Nobody's program knows of it. Made by the commands of the tutorial, with other names where they stand for others.
/// </summary>
public sealed class TransparentMesh : IAsyncLifetime
{
    private const string Router = "10.77.0.1";

    /// <summary>More than any program needs on a machine that is busy with other things.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-transparent-").FullName;
    private readonly List<Machine> _machines = [];
    private readonly TutorialCommands _tutorial = TutorialCommands.Of("A machine of its own");
    private Task? _started;
    private Machine _router = null!;
    private Machine _client = null!;
    private Machine _bystander = null!;
    private Machine[] _servers = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Makes it all, once. Not when the fixture is made: there a missing program could not skip a test.</summary>
    public Task StartAsync() => _started ??= MakeAsync();

    /// <summary>Every protocol, to its declared port and to the other, by the names of the mesh, from the client.</summary>
    internal Task<Round> CallByNameAsync() => CallAsync(_client, "client", "named", s_patience, p => p.Ports.Select(port => (p.Service, port.Called)));

    /// <summary>Every protocol at the applications' own ports, from the machine that is in no mesh.</summary>
    /// <param name="greeting">How long a client that waits for the server's first word goes on waiting.</param>
    internal Task<Round> CallFromOutsideAsync(string round, TimeSpan? greeting = null) =>
        CallAsync(_bystander, "bystander", round, greeting ?? s_patience, p => p.Ports.Select(port => (AddressOf(p), port.Application)).Distinct());

    /// <summary>Returns when every sidecar enforces it.</summary>
    internal async Task MtlsAsync(string mode)
    {
        await File.WriteAllTextAsync(Path.Combine(_router.Folder, "mesh.yaml"), $"apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: default}}\nspec: {{mtls: {mode}}}\n");
        await WeftAsync("apply", "-f", "mesh.yaml", "--wait");
    }

    internal async Task<string> WeftAsync(params string[] words) => await _router.ShellAsync($"weft {string.Join(' ', words)}");

    internal string AddressOf(ServedProtocol protocol) => _servers[protocol.Server].Address;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_machines.Select(m => m.DisposeAsync().AsTask()));
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Says a text of its own in each call, four at a time, and keeps what went over the caller's link.</summary>
    private async Task<Round> CallAsync(Machine caller, string link, string round, TimeSpan greeting, Func<ServedProtocol, IEnumerable<(string Host, int Port)>> places)
    {
        var capture = await Capture.StartAsync(_router, link);
        var answers = new ConcurrentQueue<Answer>();
        var calls = ServedProtocol.All.SelectMany(p => places(p).Select(place => (Protocol: p, place.Host, place.Port)));
        await Parallel.ForEachAsync(calls, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (call, _) =>
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"marker-{round}-{call.Protocol.Service}-{call.Port}-{Random.Shared.Next(1_000_000)}");
            var seconds = call.Protocol.ServerFirst ? greeting : s_patience;
            var (code, output, error) = await caller.ToEndAsync(["timeout", seconds.TotalSeconds.ToString(CultureInfo.InvariantCulture), .. call.Protocol.Call(call.Host, call.Port, text)]);
            answers.Enqueue(new Answer(call.Protocol, call.Port, text, code, output, error));
        });
        await capture.StopAsync();
        return new Round([.. answers], capture);
    }

    private async Task MakeAsync()
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("nft", "nftables");
        Tool.Require("ip", "iproute2");
        Tool.Require("setpriv", "util-linux");
        Tool.RequirePython("grpc", "python3-grpcio");
        Tool.RequirePython("websockets", "python3-websockets");
        var redis = Tool.Require("redis-server", "redis-server");
        File.SetUnixFileMode(_folder, File.GetUnixFileMode(_folder) | UnixFileMode.OtherExecute); // the proxies and PostgreSQL are not root

        _router = Keep(await Machine.CreateAsync(Path.Combine(_folder, "router"), Router));
        await _router.ShellAsync($"ip link add bridge type bridge && ip address add {Router}/24 dev bridge && ip link set bridge up");
        _client = Keep(await _router.AttachAsync("client", "10.77.0.2"));
        _servers = [Keep(await _router.AttachAsync("one", "10.77.0.3")), Keep(await _router.AttachAsync("two", "10.77.0.4"))];
        _bystander = Keep(await _router.AttachAsync("bystander", "10.77.0.5"));

        var postgres = PostgresServer.StartAsync(_servers[1]);
        _servers[1].Start([redis, "--port", "6379", "--save", "", "--protected-mode", "no"]);
        await Task.WhenAll(postgres, ServeAsync(0, "web", "greeter", "chat"), ServeAsync(1, "mail", "ledger"), ControlAsync());
        await Task.WhenAll(ServedProtocol.All.Select((p, i) => SidecarAsync(p.Service, _servers[p.Server], AdminPort(i), takesOutbound: p == ServedProtocol.All.First(q => q.Server == p.Server)))
            .Append(SidecarAsync("client", _client, AdminPort(0), takesOutbound: true)));
        await InterceptAsync(_client, []);
        await InterceptAsync(_servers[0], ServedProtocol.All.Where(p => p.Server == 0));
        var printed = await InterceptAsync(_servers[1], ServedProtocol.All.Where(p => p.Server == 1));
        _tutorial.Output.ShouldBeSubsetOf(printed.Split('\n'));
    }

    private static int AdminPort(int service) => 15100 + service;

    /// <returns>What it printed.</returns>
    private Task<string> InterceptAsync(Machine machine, IEnumerable<ServedProtocol> services) =>
        machine.ShellAsync(_tutorial.Command("intercept install").Replace(" --inbound 5432:25432", string.Concat(services.SelectMany(s => s.Ports).Select(p => $" --inbound {p.Application}:{p.Sidecar}").Distinct()), StringComparison.Ordinal));

    private Machine Keep(Machine machine)
    {
        _machines.Add(machine);
        return machine;
    }

    private async Task ServeAsync(int server, params string[] services)
    {
        string[] protocols = ["web", "grpc", "websocket", "smtp", "raw"]; // as servers.py calls them, in the order of ServedProtocol.All
        var words = ServedProtocol.All.Take(protocols.Length).Zip(protocols).Where(p => services.Contains(p.First.Service)).SelectMany(p => p.First.Ports.Select(port => $"{p.Second}={port.Application}"));
        var running = _servers[server].Start([Tool.Python, "-B", ServedProtocol.Script("servers.py"), .. words]);
        await Installation.Eventually(() => Task.FromResult(running.Log.Contains("listening", StringComparison.Ordinal)), "the servers listen", running);
    }

    private async Task ControlAsync()
    {
        var control = _router.Start(["weft", "control", "--xds", $"{Router}:15012"]);
        await Installation.Eventually(async () => (await _router.ToEndAsync(["weft", "status"])).Code == 0, "the control plane answers", control);
        var objects = new StringBuilder("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {mtls: Strict}\n").Append(Workload("client", _client.Address, AdminPort(0), []));
        foreach (var (protocol, i) in ServedProtocol.All.Select((p, i) => (p, i)))
        {
            objects.Append(CultureInfo.InvariantCulture, $$"""
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: {{protocol.Service}}}
                spec:
                  selector: {app: {{protocol.Service}}}
                  ports: [{{string.Join(", ", protocol.Ports.Select(p => $"{{name: {p.Name}, port: {p.Called}, targetPort: {p.Target}}}"))}}]

                """).Append(Workload(protocol.Service, AddressOf(protocol), AdminPort(i), protocol.Ports));
        }
        await File.WriteAllTextAsync(Path.Combine(_router.Folder, "db.yaml"), _tutorial.Yaml);
        await _router.ShellAsync($"{_tutorial.Command("apply")} --dry-run");
        await File.WriteAllTextAsync(Path.Combine(_router.Folder, "objects.yaml"), objects.ToString());
        await WeftAsync("apply", "-f", "objects.yaml");
    }

    private static string Workload(string name, string address, int admin, ServedPort[] ports) => $$"""
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: {{name}}}
        ---
        apiVersion: weft.dev/v1alpha1
        kind: Workload
        metadata: {name: {{name}}, labels: {app: {{name}} } }
        spec:
          address: {{address}}
          serviceAccount: {{name}}
          ports: { {{string.Join(", ", ports.DistinctBy(p => p.Target).Select(p => $"{p.Target}: {p.Application}"))}} }
          sidecar: {adminPort: {{admin}}, inbound: { {{string.Join(", ", ports.DistinctBy(p => p.Target).Select(p => $"{p.Target}: {p.Sidecar}"))}} } }

        """;

    /// <param name="takesOutbound">True for the one sidecar of a machine that takes what is said there.</param>
    private async Task SidecarAsync(string name, Machine machine, int admin, bool takesOutbound)
    {
        var bootstrap = _tutorial.Command("weft bootstrap", name);
        await _router.ShellAsync(takesOutbound ? bootstrap : bootstrap.Replace(" --transparent", "", StringComparison.Ordinal));
        await _router.ShellAsync($"cp -r {name} {machine.Folder}/");
        await machine.ShellAsync(_tutorial.Command("chown", name));
        var proxy = machine.Start([.. _tutorial.Command("weft proxy", name).Split(' '), "--warmup-seconds", "0", "--drain-seconds", "1"]);
        await Installation.Eventually(async () => (await machine.ToEndAsync(["curl", "-sf", $"http://127.0.0.1:{admin}/ready"])).Code == 0, $"the sidecar of {name} is ready", proxy);
    }
}

/// <summary>What one program was told.</summary>
/// <param name="Port">That it called.</param>
/// <param name="Text">That it said.</param>
internal sealed record Answer(ServedProtocol Protocol, int Port, string Text, int Code, string Out, string Error)
{
    /// <summary>It had no end of its own (timeout(1)).</summary>
    public bool IsCutShort => Code == 124;

    public bool IsServed => Code == 0 && Out.Contains(Text, StringComparison.Ordinal);

    public override string ToString() => $"{Protocol.Service}:{Port} ended with {Code} and said: {Out}{Error}";
}

/// <summary>One call of each program, and what went over the caller's link meanwhile.</summary>
internal sealed record Round(IReadOnlyList<Answer> Answers, Capture Wire);

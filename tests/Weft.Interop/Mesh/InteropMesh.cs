using Weft.Interop.Hosting;
using Weft.Scenarios.Mesh;
using Weft.TestSupport;
using Xunit;

namespace Weft.Interop.Mesh;

/// <summary>Servers of two gRPC libraries, each behind a weft-proxy of its own, and a third proxy for the clients: every call passes two proxies and mutual TLS.</summary>
public sealed class InteropMesh : IAsyncLifetime
{
    private readonly Dictionary<string, Peer> _servers = [];
    private readonly Dictionary<string, int> _ports = [];
    private MeshUnderTest? _mesh;
    private Sidecar? _client;

    internal static readonly IReadOnlyDictionary<string, string> Scripts =
        new Dictionary<string, string> { ["grpcio"] = "python/testing_", ["grpc-js"] = "node/testing_" };

    private static string Extension(string library) => library == "grpcio" ? ".py" : ".mjs";

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Starts everything at the first call. Skips the running test where a library is missing.</summary>
    internal async Task StartAsync()
    {
        if (_mesh is not null) return;
        foreach (var library in Scripts.Keys) await ServeAsync(library);
        _mesh = await MeshUnderTest.StartAsync();
        foreach (var (library, port) in _ports.ToList()) await _mesh.AddAsync(library, port);
        var upstreams = Scripts.Keys.ToDictionary(_ => Ports.Free(), library => $"{library}.default:80");
        foreach (var (port, target) in upstreams) _ports[$"local {target}"] = port;
        _client = await _mesh.AddAsync("caller", 0, upstreams: upstreams);
    }

    /// <summary>Starts a library's server, again on its port when it had one.</summary>
    internal async Task ServeAsync(string library)
    {
        if (_servers.Remove(library, out var old)) old.Dispose();
        if (!_ports.TryGetValue(library, out var port)) _ports[library] = port = Ports.Free();
        var server = Peer.Start($"{Scripts[library]}server{Extension(library)}", $"{port}");
        _servers[library] = server;
        if (await server.ReadLineAsync() is null) throw new InvalidOperationException($"the server of {library} did not start");
    }

    internal MeshUnderTest Mesh => _mesh!;

    internal Sidecar Client => _client!;

    /// <summary>A client that runs cases against a server.</summary>
    /// <param name="client">A library.</param>
    /// <param name="server">A library, or the name of another service.</param>
    /// <param name="byConnect">Through the forward proxy, by CONNECT and the service's name; else through the local port that leads to the service.</param>
    /// <param name="cases">What the client's script takes.</param>
    internal Peer Run(string client, string server, bool byConnect, params string[] cases)
    {
        var target = byConnect ? $"{server}.default:80" : $"127.0.0.1:{_ports[$"local {server}.default:80"]}";
        return Peer.StartBehind(byConnect ? $"http://127.0.0.1:{Client.Outbound}" : null, $"{Scripts[client]}client{Extension(client)}", [target, .. cases]);
    }

    public async ValueTask DisposeAsync()
    {
        if (_mesh is not null) await _mesh.DisposeAsync();
        foreach (var server in _servers.Values) server.Dispose();
    }
}

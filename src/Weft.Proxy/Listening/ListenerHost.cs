using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Weft.Proxy.Configuration;
using Weft.Proxy.Names;
using Weft.Proxy.Names.Forwarding;
using Weft.Proxy.Names.Serving;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Clusters;
using Weft.Routing.Listeners;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Listening;

/// <summary>
/// The process's listening sockets: for each address of each listener one per worker (SO_REUSEPORT). Opened on behalf of the configuration thread
/// once the listener is part of the configuration; an address in use refuses the listener by name. Once open, sockets stay until the
/// process ends or the listener is gone.
/// </summary>
/// <param name="say">Gets a line for people.</param>
internal sealed class ListenerHost(IReadOnlyList<WorkerContext> workers, MetricsRegistry metrics, TimeProvider time, Action<string> say) : IDisposable
{
    private static readonly TimeSpan BindTimeout = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Open> _open = [];
    private readonly Lazy<DnsServices> _dns = new(() => new DnsServices(new DnsMetrics(metrics), new MachineResolvers(MachineResolvers.DefaultPath, time)));

    /// <param name="Asked">As configured, in order.</param>
    /// <param name="Bound">The real ones, in the same order.</param>
    private sealed record Open(ImmutableArray<ListenAddress> Asked, string NetworkNamespace, List<IPEndPoint> Bound, List<(WorkerContext Worker, Opened Socket)> Sockets)
    {
        public TcpKeepalive? Keepalive { get; set; }

        public bool Is(ImmutableArray<ListenAddress> asked, string networkNamespace) => NetworkNamespace == networkNamespace && Asked.AsSpan().SequenceEqual(asked.AsSpan());
    }

    /// <param name="Local">Where it is bound.</param>
    /// <param name="Close">Closes it, on its worker, once what waits in its backlog is accepted.</param>
    /// <param name="Keepalive">Sets what it accepts from then on, on its worker.</param>
    private sealed record Opened(IPEndPoint Local, Action Close, Action<TcpKeepalive?> Keepalive);

    /// <summary>Listeners by name with the addresses that they are reached at.</summary>
    public IEnumerable<KeyValuePair<string, IPEndPoint>> Addresses => _open.SelectMany(o => o.Value.Bound, (o, bound) => KeyValuePair.Create(o.Key, bound));

    /// <summary>Opens sockets for <paramref name="listener"/> unless they are open. Not on a worker's thread: it waits for the workers.</summary>
    /// <returns>Null, or why the address cannot be listened on.</returns>
    public string? TryOpen(BoundListener listener)
    {
        var config = listener.Listener;
        if (!config.BindToPort) return null;
        ImmutableArray<ListenAddress> asked = [new ListenAddress(config.Address, config.AcceptsIpv4), .. config.AdditionalAddresses];
        if (_open.TryGetValue(config.Name, out var known))
        {
            if (known.Is(asked, config.NetworkNamespace))
            {
                Keep(known, config.ClientKeepalive);
                return null;
            }
            Close(config.Name);
        }
        var open = new Open(asked, config.NetworkNamespace, [], []) { Keepalive = config.ClientKeepalive };
        foreach (var address in asked)
        {
            if (TryOpen(address, config, open) is not { } failure) continue;
            var what = $"cannot listen on {address.EndPoint}{(config.NetworkNamespace.Length > 0 ? $" in {config.NetworkNamespace}" : "")}: {failure.Message}";
            if (address != asked[0] && AbsentFamily.Explains(address.EndPoint, failure.Errno))
            {
                say($"'{config.Name}' {what}: there is no IPv6 here, and it goes on without");
                continue;
            }
            foreach (var (owner, opened) in open.Sockets) owner.Worker.Post(opened.Close);
            return what;
        }
        _open[config.Name] = open;
        return null;
    }

    /// <summary>Opens one address on all workers and adds it to <paramref name="open"/>.</summary>
    /// <returns>Null, or why it cannot be listened on.</returns>
    private Transport.SocketException? TryOpen(ListenAddress asked, Listener config, Open open)
    {
        // Who answers in another namespace cannot be asked from here.
        if (config.NetworkNamespace.Length == 0 && !_open.Values.Any(o => o.Bound.Any(b => b.Port == asked.EndPoint.Port)) && IsServed(asked.EndPoint)) return new("another process listens there", errno: 0);
        var address = asked.EndPoint;
        foreach (var worker in workers)
        {
            var (socket, failure) = OnWorker(worker, address, asked.AcceptsIpv4, config);
            if (socket is null) return failure;
            open.Sockets.Add((worker, socket));
            address = socket.Local; // with port 0 the first worker's port is everyone's
        }
        open.Bound.Add(address);
        return null;
    }

    private static void Keep(Open open, TcpKeepalive? keepalive)
    {
        if (Equals(open.Keepalive, keepalive)) return;
        open.Keepalive = keepalive;
        foreach (var (worker, socket) in open.Sockets) worker.Worker.Post(() => socket.Keepalive(keepalive));
    }

    /// <summary>Stops listening for a listener that is gone, once what waits in its backlog is accepted.</summary>
    public void Close(string name)
    {
        if (!_open.TryRemove(name, out var open)) return;
        foreach (var (worker, socket) in open.Sockets) worker.Worker.Post(socket.Close);
    }

    public void Dispose()
    {
        if (_dns.IsValueCreated) _dns.Value.Machine.Dispose();
    }

    /// <summary>SO_REUSEPORT would let two proxies of one user share an address in silence, each with half of the connections. Somebody who answers there
    /// is somebody else; a bound socket that does not listen (a port held for us) does not answer.</summary>
    private static bool IsServed(IPEndPoint address)
    {
        if (address.Port == 0) return false;
        var target = address.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address.Address;
        try
        {
            using var probe = new System.Net.Sockets.Socket(target.AddressFamily, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
            return probe.ConnectAsync(target, address.Port).Wait(TimeSpan.FromMilliseconds(200)) && probe.Connected;
        }
        catch (Exception e) when (e is AggregateException or System.Net.Sockets.SocketException)
        {
            return false; // refused: nobody is there; nor is anybody at an address of a family that there is not
        }
    }

    private (Opened? Socket, Transport.SocketException? Failure) OnWorker(WorkerContext worker, IPEndPoint address, bool dualStack, Listener listener)
    {
        var result = new TaskCompletionSource<(Opened?, Transport.SocketException?)>(TaskCreationOptions.RunContinuationsAsynchronously);
        worker.Worker.Post(() =>
        {
            try
            {
                var options = new ListenOptions { Gate = worker.Admission.For(listener.Name), DualStack = dualStack, NetworkNamespace = listener.NetworkNamespace, Keepalive = listener.ClientKeepalive };
                result.SetResult((OpenHere(worker, address, options, listener), null));
            }
            catch (Transport.SocketException e)
            {
                result.SetResult((null, e));
            }
        });
        return result.Task.Wait(BindTimeout) ? result.Task.Result : (null, new($"the worker did not answer within {BindTimeout.TotalSeconds} s", errno: 0));
    }

    private Opened OpenHere(WorkerContext worker, IPEndPoint address, ListenOptions options, Listener listener)
    {
        if (listener.Dns is not null)
        {
            var names = new DnsListener(worker, listener, address, options, _dns.Value);
            return new Opened(names.Local, names.Close, static _ => { });
        }
        var socket = worker.Worker.Listen(address, options, new WorkerListener(worker, listener));
        return new Opened(socket.Local, socket.CloseAfterBacklog, k => socket.Keepalive = k);
    }
}

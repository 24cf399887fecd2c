using System.Collections.Concurrent;
using System.Net;
using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Listeners;

namespace Weft.Proxy.Listening;

/// <summary>
/// The process's listening sockets: for each listener one per worker, on the same address (SO_REUSEPORT). Opened on behalf of the configuration thread
/// once the listener is part of the configuration; an address in use refuses the listener by name. Once open, sockets stay until the
/// process ends or the listener is gone.
/// </summary>
internal sealed class ListenerHost(IReadOnlyList<WorkerContext> workers)
{
    private static readonly TimeSpan BindTimeout = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Open> _open = [];

    private sealed record Open(IPEndPoint Asked, IPEndPoint Bound, List<(WorkerContext Worker, ListeningSocket Socket)> Sockets);

    /// <summary>Listeners by name with the address that they are reached at.</summary>
    public IEnumerable<KeyValuePair<string, IPEndPoint>> Addresses => _open.Select(o => KeyValuePair.Create(o.Key, o.Value.Bound));

    /// <summary>Opens sockets for <paramref name="listener"/> unless they are open. Not on a worker's thread: it waits for the workers.</summary>
    /// <returns>Null, or why the address cannot be listened on.</returns>
    public string? TryOpen(BoundListener listener)
    {
        var config = listener.Listener;
        if (!config.BindToPort) return null;
        if (_open.TryGetValue(config.Name, out var known))
        {
            if (known.Asked.Equals(config.Address)) return null;
            Close(config.Name);
        }
        if (!_open.Values.Any(o => o.Bound.Port == config.Address.Port) && IsServed(config.Address)) return $"cannot listen on {config.Address}: another process listens there";
        var sockets = new List<(WorkerContext, ListeningSocket)>();
        var address = config.Address;
        foreach (var worker in workers)
        {
            var (socket, error) = OnWorker(worker, address, config);
            if (socket is null)
            {
                foreach (var (owner, opened) in sockets) owner.Worker.Post(opened.Close);
                return $"cannot listen on {config.Address}: {error}";
            }
            sockets.Add((worker, socket));
            address = socket.Local; // with port 0 the first worker's port is everyone's
        }
        _open[config.Name] = new Open(config.Address, address, sockets);
        return null;
    }

    /// <summary>Stops listening for a listener that is gone, once what waits in its backlog is accepted.</summary>
    public void Close(string name)
    {
        if (!_open.TryRemove(name, out var open)) return;
        foreach (var (worker, socket) in open.Sockets) worker.Worker.Post(socket.CloseAfterBacklog);
    }

    /// <summary>SO_REUSEPORT would let two proxies of one user share an address in silence, each with half of the connections. Somebody who answers there
    /// is somebody else; a bound socket that does not listen (a port held for us) does not answer.</summary>
    private static bool IsServed(IPEndPoint address)
    {
        if (address.Port == 0) return false;
        var target = address.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address.Address;
        using var probe = new System.Net.Sockets.Socket(target.AddressFamily, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        try
        {
            return probe.ConnectAsync(target, address.Port).Wait(TimeSpan.FromMilliseconds(200)) && probe.Connected;
        }
        catch (AggregateException)
        {
            return false; // refused: nobody is there
        }
    }

    private static (ListeningSocket? Socket, string Error) OnWorker(WorkerContext worker, IPEndPoint address, Listener listener)
    {
        var result = new TaskCompletionSource<(ListeningSocket?, string)>(TaskCreationOptions.RunContinuationsAsynchronously);
        worker.Worker.Post(() =>
        {
            try
            {
                result.SetResult((worker.Worker.Listen(address, new ListenOptions { Gate = worker.Admission.For(listener.Name) }, new WorkerListener(worker, listener)), ""));
            }
            catch (Transport.SocketException e)
            {
                result.SetResult((null, e.Message));
            }
        });
        return result.Task.Wait(BindTimeout) ? result.Task.Result : (null, $"the worker did not answer within {BindTimeout.TotalSeconds} s");
    }
}

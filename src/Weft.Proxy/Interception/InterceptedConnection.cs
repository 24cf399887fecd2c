using System.Text;
using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Names;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Listeners;
using Weft.Routing.Routes;
using Weft.Routing.Tcp;

namespace Weft.Proxy.Interception;

/// <summary>
/// A connection that was redirected here, until it is known what stands behind the address that its client wanted to reach:
/// <code>
/// Name      the destination's service, or that it is none of the mesh's      (may wait for the name)
/// Routes    the service's RouteConfiguration decides: HTTP or bytes          (may wait for the routes)
/// Outside   bytes to the original address, or a denial
/// </code>
/// Nothing is read from the client meanwhile, and each wait is bounded by lookup_timeout.
/// </summary>
internal sealed class InterceptedConnection : INameWaiter, IRouteWaiter, ITimerHandler, IUndecidedHandler, IDetectionHandler
{
    private enum Step : byte { Name, Routes, Decided }

    private readonly WorkerContext _context;
    private readonly AcceptedSocket _socket;
    private readonly RouteSource.Transparent _source;
    private readonly DownstreamConnection _connection;
    private readonly DetectorSettings _detection;
    private readonly TimerNode _timer;
    private Step _step;
    private string _key = "";
    private RouteTable? _table;

    /// <param name="source">Of the chain that the connection came in under.</param>
    /// <param name="connection">What becomes of <paramref name="socket"/>; its addresses are known.</param>
    /// <param name="detection">Limits of the first bytes that tell where it goes.</param>
    public InterceptedConnection(WorkerContext context, AcceptedSocket socket, RouteSource.Transparent source, DownstreamConnection connection, DetectorSettings detection)
    {
        (_context, _socket, _source, _connection, _detection) = (context, socket, source, connection, detection);
        _timer = new TimerNode(this);
    }

    public void Start()
    {
        var destination = _connection.Destination;
        if (_connection.OriginalDestination is null) Refuse(RefusalReason.Loop, $"it was not redirected: {destination} is the listener's own address");
        else
        {
            var answer = _context.Names.Find(destination.Address, (ushort)destination.Port, this, mustWait: _source.IsVirtual(destination.Address));
            if (answer.Status == NameStatus.Asked) Wait();
            else Named(answer);
        }
    }

    // ---- Name

    public void OnName(in NameAnswer answer)
    {
        if (_step != Step.Name) return;
        _context.Worker.Timers.Cancel(_timer);
        Named(answer);
    }

    private void Named(in NameAnswer answer)
    {
        if (answer.Status != NameStatus.Service)
        {
            Outside();
            return;
        }
        var port = (ushort)_connection.Destination.Port;
        _step = Step.Routes;
        _key = $"{answer.Service}.{answer.Namespace}:{port}";
        _connection.ConnectTarget = new ConnectTarget(Encoding.ASCII.GetBytes(_key), port);
        if (_context.Config.Current.Routes.Find(_key) is not null)
        {
            Routed();
            return;
        }
        Wait();
        _context.Waiting.Add(this, _key);
    }

    // ---- Routes

    public void OnRoutesArrived()
    {
        if (_step != Step.Routes) return;
        _context.Worker.Timers.Cancel(_timer);
        Routed();
    }

    public void Break()
    {
        _step = Step.Decided;
        _socket.Abort();
    }

    private void Routed()
    {
        if (_context.Config.Current.Routes.Find(_key)?.Table is { } table) Serve(table);
        else Refuse(RefusalReason.NoRoute, $"service {_key[.._key.LastIndexOf(':')]} has no port {_connection.Destination.Port}");
    }

    private void Serve(RouteTable table)
    {
        _step = Step.Decided;
        _table = table;
        if (table.Bytes is not { } bytes) Http();
        else if (bytes.Any is null) new Detector(_detection, this).Start(_socket); // the client alone tells
        else if (table.IsHttp || bytes.NeedsServerName)
        {
            new UndecidedConnection(_context.Detection, new UndecidedSocket(_socket, this), UndecidedSettings.Of(table, _detection)).Start();
        }
        else Bytes(bytes.Any, miss: "");
    }

    /// <param name="miss">Why there is no <paramref name="route"/>, if there is none.</param>
    private void Bytes(ByteRoute? route, string miss)
    {
        if (route is null) Refuse(RefusalReason.NoRoute, $"{miss} ('{_key}')");
        else _socket.Plain(new ByteServerConnection(_context, _connection, route));
    }

    private void Http() => _socket.Plain(new Http1ServerConnection(_context, _connection));

    // ---- a port that declares nothing, or whose TLS goes by server name as well: HTTP or bytes, as both sides tell

    public ByteServerConnection AsBytes(AcceptedSocket socket) => new(_context, _connection, _table!.Bytes!.Any!);

    public void OnHttp(AcceptedSocket socket, ClientProtocol protocol, DownstreamConnection? asBytes) => Http();

    public bool IsForBytes(AcceptedSocket socket, ClientHello hello) => ReferenceEquals(_table!.Bytes!.Find(hello.ServerName), _table.Bytes.Any);

    public void OnTls(AcceptedSocket socket, ClientHello hello) => Bytes(_table!.Bytes!.Find(hello.ServerName), RouteMisses.Describe(hello));

    // ---- a port whose bytes go by server name alone: nobody is dialled before the client has said it

    bool IDetectionHandler.InspectsHttp => _table!.IsHttp;

    public void OnDetected(AcceptedSocket socket, in Detected detected)
    {
        if (detected.TransportProtocol == Detected.Tls) OnTls(socket, new ClientHello(detected.ServerName, detected.ApplicationProtocols));
        else if (detected.ApplicationProtocols.Count > 0) Http();
        else Bytes(null, RouteMisses.NoTls);
    }

    /// <inheritdoc/>
    /// <remarks>Closed already.</remarks>
    public void OnUndetected(AcceptedSocket socket, string reason) => _context.Admission.Refusals.Add(RefusalReason.NoRoute, _connection.ListenerName, socket.Remote, $"{reason} ('{_key}')");

    // ---- Outside

    private void Outside()
    {
        _step = Step.Decided;
        if (_source.IsVirtual(_connection.Destination.Address)) Refuse(RefusalReason.NoRoute, $"no service of the mesh has the address {_connection.Destination.Address}");
        else if (_source.Egress.IsDenied) new DeniedConnection(_context, _socket, _connection, _source.Egress, _source.DenialGrace).Start();
        else _socket.Plain(new ByteServerConnection(_context, _connection, Passthrough.Route, _context.Destinations.Resolve(Passthrough.Cluster, _connection.Destination)));
    }

    // ---- time and ends

    public void OnTimer(TimerNode node)
    {
        if (_step == Step.Routes)
        {
            _context.Waiting.Remove(this);
            Refuse(RefusalReason.NoRoute, $"nobody has told the routes of '{_key}' within {_source.LookupTimeout.TotalMilliseconds:0} ms (lookup_timeout)");
            return;
        }
        // What is outside of the mesh must not depend on a control plane that is there to say so.
        _context.Names.GiveUp(this);
        Outside();
    }

    public void OnTimerFault(TimerNode node) => Break();

    private void Wait() => _context.Worker.Timers.Schedule(_timer, (long)_source.LookupTimeout.TotalMilliseconds);

    /// <summary>A reset is what a client gets where nobody listens: it does not hang, and does not take the end for an answer.</summary>
    private void Refuse(RefusalReason reason, string detail)
    {
        _step = Step.Decided;
        _context.Admission.Refusals.Add(reason, _connection.ListenerName, _socket.Remote, detail);
        _socket.Abort();
    }
}

using System.Text;
using Weft.Proxy.Configuration;
using Weft.Proxy.Listening;
using Weft.Proxy.Mesh;
using Weft.Proxy.Tcp;
using Weft.Proxy.Upstream;
using Weft.Proxy.Workers;
using Weft.Routing.Balancing;
using Weft.Routing.Clusters;
using Weft.Routing.ForwardProxy;
using Weft.Routing.Headers;
using Weft.Routing.Listeners;
using Weft.Routing.Requests;
using Weft.Routing.Retries;
using Weft.Routing.Routes;
using Weft.Telemetry.Outcomes;
using Weft.Telemetry.Tracing;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// One request on its way to its response. It belongs to a downstream stream, is reused by that stream's next request, and borrows an upstream
/// stream per attempt. Steps, in order, each in a method of its name:
/// <code>
/// Start     the head is here; the configuration is captured
/// Route     listener's routes -> virtual host -> route -> cluster       (may suspend for routes asked on demand)
/// Attempt   circuit -> endpoint -> connection                           (may suspend for a connection)
/// Send      head, then body as it comes
/// Respond   head, then body as it comes
/// Finish    the one exit: a RequestRecord into telemetry, everything given back
/// </code>
/// </summary>
/// <remarks>Everything happens on the worker's thread, and any call into a stream may come back here before it returns: each step checks the phase
/// after it called out, and <see cref="Finish"/> runs once.</remarks>
internal sealed partial class Exchange : ITimerHandler, IConnectionWaiter, IByteConnectWaiter, IRouteWaiter
{
    private enum Phase : byte { Idle, AwaitingRoutes, AwaitingAddress, Dialling, AwaitingConnection, BackingOff, Sent, Responding }

    private readonly WorkerContext _context;
    private readonly DownstreamConnection _connection;
    private readonly DownstreamStream _downstream;
    private readonly TimerNode _timer;
    private readonly ConnectionRequest _connectionRequest;

    private Phase _phase;
    private RequestRecord _record;
    private long _startedMicros;
    private bool _idempotent;
    private bool _requestComplete;
    private long _requestCompleteMs;
    private long _lastActivityMs;
    private long _attemptStartedMs;

    private ForwardAction? _action;
    private BoundCluster? _cluster;
    private ClusterState? _counted; // whose request and retry places are taken; kept, because a cluster may be removed and come back meanwhile
    private Endpoint? _endpoint;
    private UpstreamStream? _upstream;
    private TriedEndpoints _tried;
    private RequestProgress _progress;
    private bool _countedRetry;
    private bool _mayHaveActed; // some attempt's head reached a workload that did not prove to have ignored it

    public Exchange(WorkerContext context, DownstreamConnection connection, DownstreamStream downstream)
    {
        _context = context;
        _connection = connection;
        _downstream = downstream;
        _timer = new TimerNode(this);
        _connectionRequest = new ConnectionRequest(this);
    }

    // ---- what the streams' writers ask for

    public DownstreamStream Downstream => _downstream;

    public DownstreamConnection Connection => _connection;

    public WorkerContext Context => _context;

    public HeaderMutations RequestHeaders { get; private set; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; private set; } = HeaderMutations.None;

    public PathRewrite? PathRewrite => _action?.PathRewrite;

    public ReadOnlySpan<byte> HostRewrite => _hostRewrite.Span;

    public bool AppendForwardedHost => _action is { AppendForwardedHost: true };

    /// <summary>The attempt goes to a Weft proxy over mutual TLS: fields of the mesh are meant for it.</summary>
    public bool ToMeshPeer { get; private set; }

    /// <summary>The failure at hand would have been tried again, but for the cluster's retry budget.</summary>
    public bool IsOverRetryBudget { get; private set; }

    public RequestIdText RequestId => _record.RequestId;

    /// <summary>The next hop is told <see cref="RequestId"/>: it came with the request, or the listener makes them.</summary>
    public bool TellsRequestId { get; private set; }

    private ReadOnlyMemory<byte> _hostRewrite;

    // ---- Start and Route

    /// <summary>The stream has a request head.</summary>
    public void Start()
    {
        Begin();
        try
        {
            var head = _downstream.Head;
            _record.Method = Vocabulary.ParseMethod(head.Method);
            _idempotent = RetryDecision.IsIdempotent(head.Method);
            ReadGrpc();
            if (_connection.Withdrawn is { } denial) Fail(Fault.Denied, denial);
            else if (_connection.Refusal is { } limit) Fail(Fault.Overloaded, limit);
            else if (_context.Admission.MemoryRefusal is { } memory)
            {
                _context.Admission.CountRefusedRequest();
                Fail(Fault.Overloaded, memory);
            }
            else Route();
        }
        catch (Exception e)
        {
            Contain(e);
        }
    }

    /// <summary>The stream has a request head that this listener does not serve.</summary>
    public void Refuse(int status, Fault fault, string detail)
    {
        Begin();
        Fail(fault, detail, status);
    }

    private void Begin()
    {
        _startedMicros = _context.Worker.NowMicros;
        _lastActivityMs = _context.Worker.NowMs;
        _record = new RequestRecord { Direction = _connection.Direction, Security = _connection.Direction == Direction.Inbound ? _connection.Security : ChannelSecurity.None };
        _record.RequestId = RequestIdText.Create(_context.Chance.Next(), _context.Chance.Next());
        _requestComplete = !_downstream.HasBody;
        _requestCompleteMs = _context.Worker.NowMs;
        OriginalVersion = _downstream.Version;
        _progress = RequestProgress.NothingSent;
        IsOverRetryBudget = false;
        _tried.Clear();
        _mayHaveActed = false;
        _action = null;
        _cluster = null;
        _endpoint = null;
        _hostRewrite = default;
        _mayUpgrade = _isTunnel = _responseComplete = _connectsBytes = false;
        _key1 = _key2 = 0;
        RequestHeaders = ResponseHeaders = HeaderMutations.None;
        BeginGrpc();
        _phase = Phase.AwaitingRoutes;
    }

    private void Route()
    {
        var config = _context.Config.Current;
        _connection.Follow(config);
        var head = _downstream.Head;
        TakeOver(head);

        var table = FindTable(config, head, out var asked);
        if (table is null)
        {
            if (!asked) Fail(Fault.NoRoute, "no route configuration is known for this listener");
            return;
        }
        if (_downstream.IsConnect)
        {
            Connect(table);
            return;
        }
        if (table is { IsHttp: false, Bytes: not null })
        {
            Fail(Fault.NoRoute, $"'{table.Name}' is declared to carry bytes and not HTTP: connect to it (CONNECT), or change the protocol that its port declares");
            return;
        }
        var match = table.Match(head);
        if (match.Route is null)
        {
            Fail(Fault.NoRoute, match.Miss == RouteMiss.NoVirtualHost
                ? $"no virtual host of '{table.Name}' has the domain '{Text(head.Authority)}'"
                : $"no route of virtual host '{match.VirtualHost!.Name}' matches {Text(head.Method)} {Text(head.PathOnly)}");
            return;
        }
        ResponseHeaders = match.Route.ResponseHeaders;
        switch (match.Route.Action)
        {
            case DirectResponseAction direct: Answer(direct); break;
            case RedirectAction redirect: Answer(redirect, head); break;
            case ForwardAction forward: Forward(config, forward); break;
        }
    }

    /// <summary>Fields that the peer may set for us: the caller's service (mesh peers only) and the request id.</summary>
    private void TakeOver(in RequestHead head)
    {
        if (_connection.Direction == Direction.Outbound) _record.Source = _context.Node.Service;
        else
        {
            _record.Destination = _context.Node.Service;
            _record.DestinationVersion = _context.Node.Version;
        }
        if (_connection.IsMesh) Believe(head);
        _record.PeerIdentity = _connection.Peer?.SpiffeId;
        var http = _connection.Chain.Http;
        TellsRequestId = http.GenerateRequestId;
        // At an edge an id from outside is the client's invention, unless the listener wants it kept.
        if (http.UseRemoteAddress && !http.PreserveExternalRequestId || !head.TryGet(KnownHeader.XRequestId, out var id) || !RequestIdText.TryAccept(id, out var text)) return;
        _record.RequestId = text;
        TellsRequestId = true;
    }

    /// <param name="asked">True when null means "asked for, wait".</param>
    private RouteTable? FindTable(ProxyConfig config, in RequestHead head, out bool asked)
    {
        asked = false;
        switch (_connection.Chain.Http.Routes)
        {
            case RouteSource.Inline inline:
                return inline.Table;
            case RouteSource.Named named:
                return config.Routes.Find(named.Name)?.Table;
            case RouteSource.ForwardProxy forward:
                Span<byte> key = stackalloc byte[MeshName.MaxLength];
                if (!TryServiceKey(head.Authority, forward, key, out var length))
                {
                    LeaveMesh(forward, head.Authority);
                    asked = true;
                    return null;
                }
                if (!forward.Egress.IsDenied && config.Routes.Find(key[..length]) is { Table: null } && head.Authority.Contains((byte)'.') && KnowsProxy)
                {
                    LeaveMesh(forward, head.Authority); // "example.com" could have been a service of the namespace com, and is not
                    asked = true;
                    return null;
                }
                return FindService(config, key[..length], forward.LookupTimeout, out asked);
            case RouteSource.Transparent transparent:
                if (_connection.ConnectTarget is { } target) return FindService(config, target.Authority, transparent.LookupTimeout, out asked);
                Deny(transparent.Egress, _connection.Destination.ToString()); // what is not denied goes as bytes and never comes here
                asked = true;
                return null;
            default:
                return null;
        }
    }

    /// <summary>The routes of a service by its key, <c>service.namespace:port</c>. Those of one that was never called before are asked for.</summary>
    private RouteTable? FindService(ProxyConfig config, ReadOnlySpan<byte> key, TimeSpan lookupTimeout, out bool asked)
    {
        asked = true;
        if (config.Routes.Find(key) is { } entry)
        {
            if (entry.Table is not null) return entry.Table;
            var colon = key.LastIndexOf((byte)':');
            Fail(Fault.NoRoute, $"there is no service '{Text(key[..colon])}' with port {Text(key[(colon + 1)..])} in the mesh");
            return null;
        }
        _phase = Phase.AwaitingRoutes;
        _context.Worker.Timers.Schedule(_timer, (long)lookupTimeout.TotalMilliseconds);
        _context.Waiting.Add(this, Text(key));
        return null;
    }

    private void Deny(Egress egress, string destination)
    {
        _context.Admission.Refusals.CountDenial(egress.DeniedBy!);
        Fail(Fault.EgressDenied, egress.Denial(destination));
    }

    /// <summary>The route configuration that this exchange waits for has come, or is known not to exist.</summary>
    public void OnRoutesArrived()
    {
        if (_phase != Phase.AwaitingRoutes) return;
        _context.Worker.Timers.Cancel(_timer);
        Route();
        _downstream.Flush();
    }

    private void Forward(ProxyConfig config, ForwardAction action)
    {
        _action = action;
        LimitBy(action);
        var destination = action.Choose(ref _context.Chance);
        RequestHeaders = destination.RequestHeaders;
        ResponseHeaders = destination.ResponseHeaders;
        _hostRewrite = destination.HostRewrite.IsEmpty ? action.HostRewrite : destination.HostRewrite;
        if (config.Clusters.Find(destination.Name) is { } cluster) Forward(_context.Destinations.Resolve(cluster, _connection.OriginalDestination));
        else Fail(Fault.InvalidBackend, $"the route's cluster '{destination.Name}' is not known", action.ClusterNotFoundStatus);
    }

    private void Forward(BoundCluster cluster)
    {
        _cluster = cluster;
        if (_connection.Direction == Direction.Outbound && _cluster.Cluster.Service.Length > 0) _record.Destination = _cluster.Cluster.Service;
        if (!DecideUpgrade()) return;
        var limit = _cluster.Cluster.CircuitBreakers.MaxRequests;
        if (!_cluster.State.Requests.TryAcquire(limit))
        {
            Fail(Fault.CircuitOpen, $"cluster '{_cluster.Cluster.Name}' has {limit} requests in flight, its limit max_requests");
            return;
        }
        _counted = _cluster.State;
        if (_cluster.Cluster.RetryBudget is { } budget) _counted.RetryBudget.CountRequest(budget, _context.Worker.NowMs);
        Attempt();
    }

    // ---- Respond

    public void OnInterimResponse(in ResponseHead head)
    {
        if (_phase == Phase.Sent) _downstream.WriteInterim(head);
    }

    public void OnResponseHead(in ResponseHead head)
    {
        try
        {
            TakeResponseHead(head);
        }
        catch (Exception e)
        {
            Contain(e); // not the connection's fault, nor that of the other streams on it
        }
    }

    private void TakeResponseHead(in ResponseHead head)
    {
        _lastActivityMs = _context.Worker.NowMs;
        if (head.Status == 101)
        {
            Switch(head);
            return;
        }
        var fault = Fault.None;
        var marked = ToMeshPeer && FaultOf(head, out fault) && fault.Describe().RetryElsewhere;
        _endpoint!.State.TurnsAway = marked;
        var grpcStatus = _isGrpc ? GrpcFields.Status(head.Buffer, head.Fields) : null;
        var outcome = marked && fault is Fault.Unprocessed or Fault.Overloaded or Fault.Draining ? AttemptOutcome.Refused : AttemptOutcome.Response;
        if (ShouldRetry(outcome, head.Status, marked, reused: false, grpcStatus))
        {
            // What is left of this response belongs to nobody: the connection ends with it.
            ReleaseUpstream(responseComplete: false, failed: true);
            BackOff();
            return;
        }
        if (_downstream.IsExtendedConnect && !_connection.IsMesh && head.Status is >= 200 and < 300)
        {
            Fail(Fault.UpstreamProtocol, $"endpoint {_endpoint} answered {head.Status} instead of switching protocols"); // passed on, it would say that a tunnel stands
            return;
        }
        if (!_downstream.WriteHead(head, this))
        {
            Fail(Fault.UpstreamProtocol, $"the head of the response of {_endpoint} cannot be passed on");
            return;
        }
        _phase = Phase.Responding;
        DropKeptBody();
        _downstream.ReleaseHead();
        _record.Status = head.Status;
        _record.GrpcStatus = grpcStatus;
        _record.FirstByteMicros = _context.Worker.NowMicros - _startedMicros;
        if (marked) _record.Fault = fault;
    }

    /// <summary>Body bytes from the workload. False: give no more until <see cref="UpstreamStream.ResumeBody"/>.</summary>
    public bool OnResponseBody(ReadOnlySpan<byte> data)
    {
        _lastActivityMs = _context.Worker.NowMs;
        _record.BytesSent += data.Length;
        return _downstream.WriteBody(data);
    }

    public void OnResponseEnd(in Trailers trailers)
    {
        if (_isGrpc) _record.GrpcStatus ??= GrpcFields.Status(trailers.Buffer, trailers.Fields);
        _downstream.WriteEnd(trailers);
        if (_phase != Phase.Responding) return;
        if (_isTunnel)
        {
            _responseComplete = true;
            TunnelSideEnded();
            return;
        }
        ReleaseUpstream(responseComplete: true, failed: false);
        Finish();
    }

    public void FlushDownstream() => _downstream.Flush();

    /// <summary>The client takes body bytes again.</summary>
    public void OnDownstreamWritable()
    {
        _lastActivityMs = _context.Worker.NowMs;
        _upstream?.ResumeBody();
    }

    /// <summary>The connection under the attempt broke, or what came is not HTTP. The stream is already closed.</summary>
    /// <param name="unprocessed">The endpoint has proved that it did not act on the request.</param>
    public void OnUpstreamFailed(Fault fault, string detail, bool unprocessed = false)
    {
        if (_phase == Phase.Idle) return;
        var reused = _upstream is { IsReused: true };
        _upstream = null;
        if (_phase == Phase.Responding)
        {
            EndpointDone(failed: true);
            _record.Fault = fault;
            _downstream.Abort();
            Finish();
            return;
        }
        if (fault is Fault.BadRequest or Fault.HeaderTooLarge) // the request itself cannot be sent
        {
            EndpointDone(failed: false);
            Fail(fault, detail);
        }
        else AttemptEnded(unprocessed ? AttemptOutcome.Refused : AttemptOutcome.Reset, fault, detail, reused);
    }

    // ---- Finish

    private void StopWaiting()
    {
        if (_phase == Phase.AwaitingRoutes) _context.Waiting.Remove(this);
        if (_phase == Phase.AwaitingConnection) _connectionRequest.StopWaiting();
        if (_phase == Phase.AwaitingAddress) StopLookup();
        if (_phase == Phase.Dialling) StopDialling();
    }

    private void ReleaseUpstream(bool responseComplete, bool failed)
    {
        var upstream = _upstream;
        _upstream = null;
        upstream?.Release(_requestComplete, responseComplete);
        EndpointDone(failed);
    }

    private void EndpointDone(bool failed)
    {
        if (_endpoint is null) return;
        _endpoint.State.EndRequest(failed);
        _endpoint = null;
    }

    /// <param name="recorded">False: the request is not one that anybody asked a workload.</param>
    private void Finish(bool recorded = true)
    {
        if (_phase == Phase.Idle) return;
        _phase = Phase.Idle;
        _context.Worker.Timers.Cancel(_timer);
        DropKeptBody();
        EndpointDone(failed: false);
        if (_countedRetry) _counted!.Retries.Release();
        _counted?.Requests.Release();
        _counted = null;
        _countedRetry = false;
        _record.TotalMicros = _context.Worker.NowMicros - _startedMicros;
        if (recorded && !_connectsBytes) _connection.SeriesOf(_record.Edge).Record(_record.Status, _record.Fault, _record.TotalMicros, EndOfCall());
        _cluster = null;
        _action = null;
        _downstream.OnExchangeEnded();
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes.Length > 200 ? bytes[..200] : bytes);
}

using System.Text;
using Weft.Proxy.Configuration;
using Weft.Proxy.Http1;
using Weft.Proxy.Listening;
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
internal sealed class Exchange : ITimerHandler, IConnectionWaiter
{
    private enum Phase : byte { Idle, AwaitingRoutes, AwaitingConnection, BackingOff, Sent, Responding }

    private readonly WorkerContext _context;
    private readonly DownstreamConnection _connection;
    private readonly DownstreamStream _downstream;
    private readonly TimerNode _timer;

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

    public Exchange(WorkerContext context, DownstreamConnection connection, DownstreamStream downstream)
    {
        _context = context;
        _connection = connection;
        _downstream = downstream;
        _timer = new TimerNode(this);
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

    public RequestIdText RequestId => _record.RequestId;

    private ReadOnlyMemory<byte> _hostRewrite;

    // ---- Start and Route

    /// <summary>The stream has a request head.</summary>
    public void Start()
    {
        Begin();
        var head = _downstream.Head;
        _record.Method = Vocabulary.ParseMethod(head.Method);
        _idempotent = RetryDecision.IsIdempotent(head.Method);
        Route();
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
        _progress = RequestProgress.NothingSent;
        _tried.Clear();
        _action = null;
        _cluster = null;
        _endpoint = null;
        _hostRewrite = default;
        RequestHeaders = ResponseHeaders = HeaderMutations.None;
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
            if (_connection.IsMesh && head.TryGet("x-weft-source"u8, out var source)) _record.Source = _connection.SourceOf(source);
        }
        _record.PeerIdentity = _connection.Peer?.SpiffeId;
        if (head.TryGet(KnownHeader.XRequestId, out var id) && RequestIdText.TryAccept(id, out var text)) _record.RequestId = text;
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
                if (!MeshName.TryWrite(head.Authority, forward, key, out var length))
                {
                    Fail(Fault.NoRoute, $"'{Text(head.Authority)}' is not the name of a service in the mesh (service, service.namespace or service.namespace.svc, and a port)");
                    asked = true;
                    return null;
                }
                if (config.Routes.Find(key[..length]) is { } entry)
                {
                    if (entry.Table is not null) return entry.Table;
                    Fail(Fault.NoRoute, $"there is no service '{Text(key[..length])}' in the mesh");
                    asked = true;
                    return null;
                }
                asked = true;
                _phase = Phase.AwaitingRoutes;
                _context.Worker.Timers.Schedule(_timer, (long)forward.LookupTimeout.TotalMilliseconds);
                _context.Waiting.Add(this, Text(key[..length]));
                return null;
            default:
                return null;
        }
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
        var destination = action.Choose(ref _context.Chance);
        RequestHeaders = destination.RequestHeaders;
        ResponseHeaders = destination.ResponseHeaders;
        _hostRewrite = destination.HostRewrite.IsEmpty ? action.HostRewrite : destination.HostRewrite;
        _cluster = config.Clusters.Find(destination.Name);
        if (_cluster is null)
        {
            Fail(Fault.InvalidBackend, $"the route's cluster '{destination.Name}' is not known", action.ClusterNotFoundStatus);
            return;
        }
        if (_connection.Direction == Direction.Outbound && _cluster.Cluster.Service.Length > 0) _record.Destination = _cluster.Cluster.Service;
        var limit = _cluster.Cluster.CircuitBreakers.MaxRequests;
        if (!_cluster.State.Requests.TryAcquire(limit))
        {
            Fail(Fault.CircuitOpen, $"cluster '{_cluster.Cluster.Name}' has {limit} requests in flight, its limit max_requests");
            return;
        }
        _counted = _cluster.State;
        Attempt();
    }

    // ---- Attempt and Send

    private void Attempt()
    {
        var cluster = _cluster!;
        _record.Attempts++;
        _endpoint = Balancer.Pick(cluster.Cluster, cluster.Endpoints, cluster.State, ref _context.Chance, _tried);
        if (_endpoint is null)
        {
            Fail(Fault.NoEndpoint, $"cluster '{cluster.Cluster.Name}' has {cluster.Endpoints.Endpoints.Length} endpoints and none is usable");
            return;
        }
        _tried.Add(_endpoint.State);
        var transport = cluster.Tls[cluster.Cluster.TransportFor(_endpoint)];
        ToMeshPeer = transport.IsMesh;
        if (_connection.Direction == Direction.Outbound)
        {
            _record.Security = transport.IsMesh ? ChannelSecurity.Mtls : ChannelSecurity.None;
            _record.DestinationVersion = _endpoint.Version;
            if (_endpoint.Service.Length > 0) _record.Destination = _endpoint.Service;
        }
        _endpoint.State.BeginRequest();
        _attemptStartedMs = _context.Worker.NowMs;
        _phase = Phase.AwaitingConnection;
        ScheduleTimer();
        _context.Upstream.Acquire(cluster, _endpoint, transport, this);
    }

    /// <inheritdoc/>
    public void OnConnection(UpstreamStream upstream)
    {
        _upstream = upstream;
        _phase = Phase.Sent;
        _progress = RequestProgress.HeadSent;
        upstream.WriteHead(this);
        if (_phase != Phase.Sent) return; // the write failed and the failure has been dealt with
        if (_requestComplete)
        {
            upstream.WriteEnd(null, default);
            upstream.Flush();
        }
        else if (_downstream.ExpectsContinue)
        {
            upstream.Flush(); // the client sends its body when the workload asks for it
            _downstream.ResumeBody();
        }
        else
        {
            _downstream.ResumeBody();
            FlushUpstream();
        }
    }

    /// <inheritdoc/>
    public void OnNoConnection(Fault fault, string detail)
    {
        if (fault == Fault.CircuitOpen) Fail(fault, detail); // no retry: it would press on the very limit
        else AttemptEnded(AttemptOutcome.ConnectFailed, fault, detail);
    }

    /// <summary>The stream is about to read the body, which gives the head away: the last moment at which another attempt was possible has passed.</summary>
    public void OnBodyBegins() => _progress = RequestProgress.BodySent;

    /// <summary>Body bytes from the client. False: give no more until <see cref="DownstreamStream.ResumeBody"/>.</summary>
    public bool OnRequestBody(ReadOnlySpan<byte> data)
    {
        _lastActivityMs = _context.Worker.NowMs;
        _record.BytesReceived += data.Length;
        // Once the response is complete nobody takes the rest; the stream's end closes the connection.
        return _upstream is null || _upstream.WriteBody(data);
    }

    public void OnRequestEnd(Http1Trailers? trailers, ReadOnlySpan<byte> trailerBuffer)
    {
        _requestComplete = true;
        _requestCompleteMs = _context.Worker.NowMs;
        ScheduleTimer();
        if (_upstream is null) return;
        _upstream.WriteEnd(trailers, trailerBuffer);
        _upstream?.Flush();
    }

    public void FlushUpstream() => _upstream?.Flush();

    /// <summary>The upstream side takes body bytes again.</summary>
    public void OnUpstreamWritable()
    {
        _lastActivityMs = _context.Worker.NowMs;
        if (!_requestComplete) _downstream.ResumeBody();
    }

    // ---- Respond

    public void OnInterimResponse(in ResponseHead head)
    {
        if (_phase == Phase.Sent) _downstream.WriteInterim(head);
    }

    public void OnResponseHead(in ResponseHead head)
    {
        _lastActivityMs = _context.Worker.NowMs;
        var marked = ToMeshPeer && IsMarkedUnprocessed(head);
        if (ShouldRetry(AttemptOutcome.Response, head.Status, marked))
        {
            // What is left of this response belongs to nobody: the connection ends with it.
            ReleaseUpstream(responseComplete: false, failed: true);
            BackOff();
            return;
        }
        if (!_downstream.WriteHead(head, this))
        {
            Fail(Fault.UpstreamProtocol, $"the head of the response of {_endpoint} cannot be passed on");
            return;
        }
        _phase = Phase.Responding;
        _downstream.ReleaseHead();
        _record.Status = head.Status;
        _record.FirstByteMicros = _context.Worker.NowMicros - _startedMicros;
        if (marked && FaultOf(head, out var fault)) _record.Fault = fault;
    }

    /// <summary>Body bytes from the workload. False: give no more until <see cref="UpstreamStream.ResumeBody"/>.</summary>
    public bool OnResponseBody(ReadOnlySpan<byte> data)
    {
        _lastActivityMs = _context.Worker.NowMs;
        _record.BytesSent += data.Length;
        return _downstream.WriteBody(data);
    }

    public void OnResponseEnd(Http1Trailers? trailers, ReadOnlySpan<byte> trailerBuffer)
    {
        _downstream.WriteEnd(trailers, trailerBuffer);
        if (_phase != Phase.Responding) return;
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
    public void OnUpstreamFailed(Fault fault, string detail)
    {
        if (_phase == Phase.Idle) return;
        _upstream = null;
        if (_phase == Phase.Responding)
        {
            EndpointDone(failed: true);
            _record.Fault = fault;
            _downstream.Abort();
            Finish();
            return;
        }
        if (fault == Fault.BadRequest) // what the route made of the request cannot be sent, to nobody
        {
            EndpointDone(failed: false);
            Fail(fault, detail);
        }
        else AttemptEnded(AttemptOutcome.Reset, fault, detail);
    }

    // ---- the client's troubles

    /// <summary>The client's connection broke.</summary>
    public void OnDownstreamClosed() => EndWithoutAnswer(Fault.DownstreamClosed);

    /// <summary>The client ended its direction inside the request body.</summary>
    public void OnRequestCut()
    {
        _downstream.Abort();
        EndWithoutAnswer(Fault.DownstreamClosed);
    }

    /// <summary>The request body breaks the protocol: nothing of it may be taken for whole.</summary>
    public void OnRequestMalformed(string detail)
    {
        ReleaseUpstream(responseComplete: false, failed: false);
        if (_phase == Phase.Responding)
        {
            _downstream.Abort();
            EndWithoutAnswer(Fault.BadRequest);
        }
        else Fail(Fault.BadRequest, detail);
    }

    private void EndWithoutAnswer(Fault fault)
    {
        if (_phase == Phase.Idle) return;
        _record.Fault = fault;
        if (_record.Status == 0) _record.Status = fault.Describe().HttpStatus;
        StopWaiting();
        ReleaseUpstream(responseComplete: false, failed: false);
        Finish();
    }

    // ---- retrying

    private void AttemptEnded(AttemptOutcome outcome, Fault fault, string detail)
    {
        var retry = ShouldRetry(outcome, 0, marked: false);
        EndpointDone(failed: true);
        if (retry) BackOff();
        // The caller's proxy is told that the application has not seen a byte: it may send the request to another instance.
        else if (_progress == RequestProgress.NothingSent && _connection.Direction == Direction.Inbound && _connection.IsMesh) Fail(Fault.Unprocessed, detail);
        else Fail(fault, detail);
    }

    private bool ShouldRetry(AttemptOutcome outcome, int status, bool marked)
    {
        var attempt = new Attempt(_record.Attempts, outcome, status, marked, _idempotent, _progress);
        if (!RetryDecision.Decide(_action!.Retry, attempt)) return false;
        // What no workload has seen adds no load to any: half of the endpoints may be dead, and their share of requests all go on to the other half.
        if (_countedRetry || marked || _progress == RequestProgress.NothingSent) return true;
        // Over the limit the original failure stands: retries must not become the load that keeps a service down.
        _countedRetry = _counted!.Retries.TryAcquire(_cluster!.Cluster.CircuitBreakers.MaxRetries);
        return _countedRetry;
    }

    /// <summary>A connect failure goes on at once, elsewhere; what the workload may have felt waits a random moment.</summary>
    private void BackOff()
    {
        _downstream.PauseBody();
        if (_progress == RequestProgress.NothingSent || _action!.Retry is not { } policy)
        {
            AttemptAgain();
            return;
        }
        var pause = (long)policy.BackOff(_record.Attempts + 1, _context.Chance.Unit()).TotalMilliseconds;
        if (_tried.Count < _cluster!.Endpoints.Endpoints.Length || pause == 0)
        {
            AttemptAgain(); // another endpoint has done nothing to deserve a pause
            return;
        }
        _phase = Phase.BackingOff;
        _context.Worker.Timers.Schedule(_timer, pause);
    }

    private void AttemptAgain()
    {
        // Endpoints may have changed since: the newest set of the same cluster, so that a retry does not go where nobody is any more.
        if (_context.Config.Current.Clusters.Find(_cluster!.Cluster.Name) is { } current) _cluster = current;
        _progress = RequestProgress.NothingSent;
        Attempt();
    }

    private static bool IsMarkedUnprocessed(in ResponseHead head) => FaultOf(head, out var fault) && fault.Describe().RetryElsewhere;

    private static bool FaultOf(in ResponseHead head, out Fault fault)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known == KnownHeader.XWeft && Ascii.EqualsIgnoreCase(head.Name(field), "x-weft-fault"u8))
                return Faults.TryParse(head.Value(field), out fault);
        }
        fault = Fault.None;
        return false;
    }

    // ---- answers that this proxy makes

    private void Answer(DirectResponseAction direct)
    {
        _record.Status = direct.Status;
        _downstream.WriteLocalReply(new LocalReply(direct.Status, default, default, direct.Body.Span, default));
        Finish();
    }

    private void Answer(RedirectAction redirect, in RequestHead head)
    {
        Span<byte> location = stackalloc byte[4096];
        var length = redirect.WriteLocation(head, location);
        if (length < 0)
        {
            Fail(Fault.BadRequest, "the redirect's location is longer than 4096 bytes", 414);
            return;
        }
        _record.Status = redirect.Status;
        _downstream.WriteLocalReply(new LocalReply(redirect.Status, default, default, default, location[..length]));
        Finish();
    }

    private void Fail(Fault fault, string detail, int status = 0)
    {
        if (_phase == Phase.Idle) return;
        var description = fault.Describe();
        _record.Fault = fault;
        _record.Status = status == 0 ? description.HttpStatus : status;
        StopWaiting();
        ReleaseUpstream(responseComplete: false, failed: true);
        var body = Encoding.UTF8.GetBytes($"{description.Code}: {detail}. {description.Sentence}\n");
        _downstream.WriteLocalReply(new LocalReply(_record.Status, fault.CodeUtf8(), _record.RequestId.Span, body, default));
        Finish();
    }

    // ---- time

    public void OnTimer(TimerNode node)
    {
        var now = _context.Worker.NowMs;
        switch (_phase)
        {
            case Phase.AwaitingRoutes:
                _context.Waiting.Remove(this);
                Fail(Fault.NoRoute, "the control plane did not answer in time whether this service exists", 503);
                break;
            case Phase.BackingOff:
                AttemptAgain();
                break;
            case Phase.Idle:
                return;
            default:
                CheckLimits(now);
                break;
        }
        _downstream.Flush();
    }

    /// <inheritdoc/>
    /// <remarks>The client sees a reset; the worker has reported the exception and counted it.</remarks>
    public void OnTimerFault(TimerNode node) => Break();

    /// <summary>Ends the exchange without an answer, after an exception in one of its steps: everything it holds is given back.</summary>
    public void Break()
    {
        _downstream.Abort();
        EndWithoutAnswer(Fault.DownstreamClosed);
    }

    private void CheckLimits(long now)
    {
        if (_requestComplete && Over(now, _requestCompleteMs, RouteTimeoutMs))
            TimedOut(Fault.ResponseTimeout, $"no complete response within the route's timeout of {RouteTimeoutMs} ms, attempt {_record.Attempts}, endpoint {_endpoint}");
        else if (!_requestComplete && Over(now, _startedMicros / 1000, _connection.Limits.RequestMs))
            TimedOut(Fault.BodyTimeout, $"the request did not arrive within {_connection.Limits.RequestMs} ms");
        else if (_phase is Phase.AwaitingConnection or Phase.Sent && Over(now, _attemptStartedMs, PerTryMs)) PerTryTimedOut();
        else if (Over(now, _lastActivityMs, IdleMs))
            TimedOut(_requestComplete ? Fault.ResponseTimeout : Fault.BodyTimeout, $"no byte in either direction for {IdleMs} ms");
        else if (_phase != Phase.Idle) ScheduleTimer();
    }

    private void PerTryTimedOut()
    {
        _context.Upstream.StopWaiting(this);
        var endpoint = _endpoint;
        var retry = ShouldRetry(AttemptOutcome.PerTryTimeout, 0, marked: false);
        ReleaseUpstream(responseComplete: false, failed: true);
        if (retry) BackOff();
        else Fail(Fault.ResponseTimeout, $"no response within the per-try timeout of {PerTryMs} ms, attempt {_record.Attempts}, endpoint {endpoint}");
    }

    private void TimedOut(Fault fault, string detail)
    {
        if (_phase != Phase.Responding)
        {
            Fail(fault, detail);
            return;
        }
        _record.Fault = fault;
        ReleaseUpstream(responseComplete: false, failed: true);
        _downstream.Abort();
        Finish();
    }

    private long RouteTimeoutMs => Ms(_action?.Timeout ?? Timeout.InfiniteTimeSpan);

    private long PerTryMs => Ms(_action?.Retry?.PerTryTimeout ?? Timeout.InfiniteTimeSpan);

    private long IdleMs => _action?.IdleTimeout is { } idle ? Ms(idle) : _connection.Limits.StreamIdleMs;

    /// <summary>One timer serves all limits of an exchange: it fires at the earliest, looks which one it is, and is set again.</summary>
    private void ScheduleTimer()
    {
        var due = Math.Min(After(_lastActivityMs, IdleMs),
            _requestComplete ? After(_requestCompleteMs, RouteTimeoutMs) : After(_startedMicros / 1000, _connection.Limits.RequestMs));
        if (_phase is Phase.AwaitingConnection or Phase.Sent) due = Math.Min(due, After(_attemptStartedMs, PerTryMs));
        // Activity moves the idle limit without touching the timer; it only needs to be set anew when something else is due sooner.
        if (due == long.MaxValue || (_timer.IsScheduled && _timer.DueMs <= due)) return;
        _context.Worker.Timers.Schedule(_timer, due - _context.Worker.NowMs);
    }

    private static long After(long start, long limit) => limit == ConnectionLimits.None ? long.MaxValue : start + limit;

    private static bool Over(long now, long start, long limit) => limit != ConnectionLimits.None && now - start >= limit;

    private static long Ms(TimeSpan limit) => limit == Timeout.InfiniteTimeSpan ? ConnectionLimits.None : (long)limit.TotalMilliseconds;

    // ---- Finish

    private void StopWaiting()
    {
        if (_phase == Phase.AwaitingRoutes) _context.Waiting.Remove(this);
        if (_phase == Phase.AwaitingConnection) _context.Upstream.StopWaiting(this);
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

    private void Finish()
    {
        if (_phase == Phase.Idle) return;
        _phase = Phase.Idle;
        _context.Worker.Timers.Cancel(_timer);
        EndpointDone(failed: false);
        if (_countedRetry) _counted!.Retries.Release();
        _counted?.Requests.Release();
        _counted = null;
        _countedRetry = false;
        _record.TotalMicros = _context.Worker.NowMicros - _startedMicros;
        _connection.SeriesOf(_record.Edge).Record(_record.Status, _record.Fault, _record.TotalMicros);
        _cluster = null;
        _action = null;
        _downstream.OnExchangeEnded();
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes.Length > 200 ? bytes[..200] : bytes);
}

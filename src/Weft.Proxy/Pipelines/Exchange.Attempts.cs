using System.Text;
using Weft.Grpc;
using Weft.Proxy.Mesh;
using Weft.Routing.Balancing;
using Weft.Routing.Listeners;
using Weft.Routing.Requests;
using Weft.Routing.Retries;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>Attempts: an endpoint, a connection, the request on its way, and whether a failed one is followed by another.</content>
internal sealed partial class Exchange
{
    // ---- Attempt and Send
    private void Attempt()
    {
        if (DeadlinePassed)
        {
            Fail(Fault.DeadlineExceeded, DeadlineText);
            return;
        }
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
        _connectionRequest.Announced = transport.Announces == ProxyProtocolVersions.None ? null : _connection.Ends;
        _context.Upstream.Acquire(cluster, _endpoint, transport, OriginalVersion, _connectionRequest);
    }

    /// <inheritdoc/>
    public void OnConnection(UpstreamStream upstream)
    {
        _upstream = upstream;
        _phase = Phase.Sent;
        _progress = RequestProgress.HeadSent;
        upstream.WriteHead(this);
        if (_phase != Phase.Sent || !ReferenceEquals(_upstream, upstream) || !SendKeptBody(upstream)) return; // the write failed and the failure has been dealt with
        if (_requestComplete)
        {
            if (UpgradeProtocol.IsEmpty) upstream.WriteEnd(default);
            upstream.Flush();
        }
        else if (_bodyBlocked) upstream.Flush();
        else if (_downstream.ExpectsContinue)
        {
            upstream.Flush(); // the client sends its body when the workload asks for it
            if (!ReferenceEquals(_upstream, upstream)) return; // it broke; whoever takes the body next asks for it
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

    // ---- retrying
    private void AttemptEnded(AttemptOutcome outcome, Fault fault, string detail, bool reused = false)
    {
        if (outcome is AttemptOutcome.ConnectFailed or AttemptOutcome.Refused && !reused) _endpoint!.State.TurnsAway = true;
        var retry = ShouldRetry(outcome, 0, marked: false, reused);
        EndpointDone(failed: true);
        if (IsOverRetryBudget) detail = $"{detail} (not sent again: the cluster's retry budget is spent, {_cluster!.Cluster.RetryBudget})";
        if (retry) BackOff();
        // The caller's proxy is told that the application has not seen a byte: it may send the request to another instance.
        else if (outcome is AttemptOutcome.ConnectFailed or AttemptOutcome.Refused && !_mayHaveActed && _connection is { Direction: Direction.Inbound, IsMesh: true }) Fail(Fault.Unprocessed, detail);
        // That a peer's application was not reached is said between proxies; to a caller it is a connection that failed.
        else Fail(outcome == AttemptOutcome.Refused && ToMeshPeer ? Fault.ConnectFailure : fault, detail);
    }

    private bool ShouldRetry(AttemptOutcome outcome, int status, bool marked, bool reused = false, GrpcStatusCode? grpcStatus = null)
    {
        if (outcome is not (AttemptOutcome.ConnectFailed or AttemptOutcome.Refused)) _mayHaveActed = true;
        var attempt = new Attempt(_record.Attempts, outcome, status, marked, _idempotent, _progress, reused, grpcStatus);
        if (!RetryDecision.Decide(_action!.Retry, attempt)) return false;
        // What no workload has seen adds no load to any: half of the endpoints may be dead, and their share of requests all go on to the other half.
        // Nor does a connection that has served and goes away (GOAWAY): its streams come back to the same endpoint, which expects them.
        if ((marked || outcome is AttemptOutcome.ConnectFailed or AttemptOutcome.Refused) && (reused || HasBetterEndpoint())) return true;
        // Over the limit the original failure stands: retries must not become the load that keeps a service down.
        if (_cluster!.Cluster.RetryBudget is { } budget)
        {
            IsOverRetryBudget = !_counted!.RetryBudget.TryTake(budget, _context.Worker.NowMs);
            return !IsOverRetryBudget;
        }
        if (!_countedRetry) _countedRetry = _counted!.Retries.TryAcquire(_cluster.Cluster.CircuitBreakers.MaxRetries);
        return _countedRetry;
    }

    /// <summary>Some endpoint was not tried by this request and did not turn the last one away.</summary>
    private bool HasBetterEndpoint()
    {
        foreach (var endpoint in _cluster!.Endpoints.Endpoints)
        {
            if (!endpoint.State.TurnsAway && !_tried.Contains(endpoint.State)) return true;
        }
        return false;
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
        _context.Worker.Timers.Schedule(_timer, Math.Min(pause, DeadlineMs - _context.Worker.NowMs));
    }

    private void AttemptAgain()
    {
        // Endpoints may have changed since: the newest set of the same cluster, so that a retry does not go where nobody is any more.
        if (_context.Config.Current.Clusters.Find(_cluster!.Cluster.Name) is { } current) _cluster = _context.Destinations.Resolve(current, _connection.OriginalDestination);
        _progress = RequestProgress.NothingSent;
        Attempt();
    }

    private static bool FaultOf(in ResponseHead head, out Fault fault)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known == KnownHeader.XWeft && Ascii.EqualsIgnoreCase(head.Name(field), MeshFields.Fault))
                return Faults.TryParse(head.Value(field), out fault);
        }
        fault = Fault.None;
        return false;
    }
}

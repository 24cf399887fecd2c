using Weft.Grpc;
using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>
/// Records the requests of one edge for one worker. The few ways in which an edge's requests end stand in a short list that is
/// searched in order: a request costs a handful of comparisons and two additions, no hashing and no allocation.
/// </summary>
public sealed class EdgeSeries
{
    private readonly MetricsShard _shard;
    private readonly EdgeKey _edge;
    private long _epoch;
    private int _count;
    private int[] _outcomes = new int[4];
    private LatencyHistogram[] _histograms = new LatencyHistogram[4];

    internal EdgeSeries(MetricsShard shard, in EdgeKey edge)
    {
        _shard = shard;
        _edge = edge;
        _epoch = shard.Epoch;
    }

    /// <summary>Counts one request.</summary>
    /// <param name="status">HTTP status given to the caller, 0 when none was.</param>
    /// <param name="fault">Why the mesh ended it, or <see cref="Fault.None"/>.</param>
    /// <param name="micros">Its whole duration in microseconds.</param>
    /// <param name="grpcStatus">How a gRPC call ended; null for other requests.</param>
    public void Record(int status, Fault fault, long micros, GrpcStatusCode? grpcStatus = null)
    {
        _shard.Refresh();
        if (_epoch != _shard.Epoch)
        {
            _epoch = _shard.Epoch;
            _count = 0; // some of these series have been given away; they are asked for anew
        }
        var outcome = status | ((int)fault << 16) | (grpcStatus is { } code ? ((int)code + 1) << 24 : 0);
        for (var i = 0; i < _count; i++)
        {
            if (_outcomes[i] != outcome) continue;
            _histograms[i].Record(micros);
            return;
        }
        Add(outcome, _shard.Intern(new SeriesKey(_edge, status, fault, grpcStatus))).Record(micros);
    }

    private LatencyHistogram Add(int outcome, LatencyHistogram histogram)
    {
        if (_count == _outcomes.Length)
        {
            Array.Resize(ref _outcomes, _count * 2);
            Array.Resize(ref _histograms, _count * 2);
        }
        _outcomes[_count] = outcome;
        _histograms[_count++] = histogram;
        return histogram;
    }
}

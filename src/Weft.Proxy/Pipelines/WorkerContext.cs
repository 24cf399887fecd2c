using Weft.Proxy.Access;
using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Mesh;
using Weft.Proxy.Names;
using Weft.Proxy.Tcp;
using Weft.Proxy.Upstream;
using Weft.Proxy.Workers;
using Weft.Routing.Balancing;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Pipelines;

/// <summary>What one worker's exchanges share. Everything here belongs to the worker's thread but <see cref="Config"/>, which is read through its one reference.</summary>
internal sealed class WorkerContext
{
    private byte[] _scratch = new byte[1024];

    /// <param name="admission">Limits of the process.</param>
    public WorkerContext(Worker worker, ConfigStore config, MetricsShard metrics, NodeIdentity node, Admission admission, ulong seed)
    {
        Admission = admission;
        Handshakes = new Handshakes(admission);
        Worker = worker;
        Config = config;
        Metrics = metrics;
        Node = node;
        Chance = new Chance(seed);
        Upstream = new UpstreamPools(this);
        Destinations = new OriginalDestinations(this);
        Waiting = new RouteWaiters(this);
        Names = new NameTable(config, () => worker.NowMs, e => worker.Report("names", "a name arrived", e));
        Withdrawals = new Withdrawals(worker, admission.AccessSettings);
        KeptBodies = new KeptBodies(worker.Buffers, UpstreamSettings);
    }

    /// <summary>Chance is a mutable struct: always used through this field.</summary>
    public Chance Chance;

    public Worker Worker { get; }

    public ConfigStore Config { get; }

    public MetricsShard Metrics { get; }

    public NodeIdentity Node { get; }

    public Admission Admission { get; }

    public Handshakes Handshakes { get; }

    public UpstreamPools Upstream { get; }

    /// <summary>Endpoints that are nowhere but in what clients wanted to reach.</summary>
    public OriginalDestinations Destinations { get; }

    public UpstreamSettings UpstreamSettings { get; } = new();

    public ByteSettings Bytes { get; } = new();

    /// <summary>HTTP connections that the rules of access would no longer let in.</summary>
    public Withdrawals Withdrawals { get; }

    public KeptBodies KeptBodies { get; }

    public HeadSpaces HeadSpaces { get; } = new();

    /// <summary>What the process knows of who speaks first.</summary>
    public required DetectionContext Detection { get; init; }

    /// <summary>Requests whose route configuration was asked for and has not come.</summary>
    public RouteWaiters Waiting { get; }

    /// <summary>Services by name and by virtual address.</summary>
    public NameTable Names { get; }

    public ConnectionList Connections { get; } = new();

    /// <summary>For the head that is being written.</summary>
    public MessageFormBuilder Form { get; } = new();

    /// <summary>Space for one call's intermediate bytes; the next call overwrites it.</summary>
    public Span<byte> Scratch(int bytes)
    {
        if (_scratch.Length < bytes) _scratch = new byte[bytes * 2];
        return _scratch.AsSpan(0, bytes);
    }

    /// <summary>How far a drain has gone: connections that it has reached end with their next response.</summary>
    public DrainScope Draining { get; set; }

    /// <summary>How long an idle connection that has no other way to say so may still be used when its end has come.</summary>
    public long IdleGraceMs { get; set; } = 2000;
}

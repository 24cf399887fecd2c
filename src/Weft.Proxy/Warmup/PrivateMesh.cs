using System.Net;
using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Warmup;

/// <summary>
/// What the exercise runs on: one worker with a client, an outbound listener, an inbound listener behind mutual TLS, and a workload, all on loopback ports that
/// the kernel picks. Requests go client -> outbound -> workload and, with TLS, client -> outbound -> mTLS -> inbound -> workload, as in a mesh.
/// </summary>
/// <remarks>All of it belongs to the thread that makes it and calls <see cref="Turn"/>. Its registry is its own, so that no series of it is ever reported.</remarks>
internal sealed class PrivateMesh : IDisposable
{
    private readonly Worker _worker;
    private readonly WarmupClient _client;
    private int _faults;

    /// <exception cref="BootstrapException">The exercise's own configuration is wrong: a defect.</exception>
    public PrivateMesh(bool withTls, TimeProvider time)
    {
        _worker = new Worker("warm-up", new WorkerSettings(), time, _ => _faults++);
        try
        {
            var store = new ConfigStore();
            var metrics = new MetricsRegistry(time);
            var context = new WorkerContext(_worker, store, metrics.CreateShard(), new NodeIdentity("default/warm-up", ""), new Admission(new OverloadSettings(), metrics, time, _ => { }), seed: 1) { Detection = DetectionContext.Create(metrics, time) };
            var ports = new Dictionary<string, IPEndPoint>(StringComparer.Ordinal)
            {
                ["workload"] = _worker.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions(), new WarmupBackend(_worker)).Local,
            };
            var assembler = new ConfigAssembler(store, new ConfigHistory(time), Open, _ => { }, new ConfigLimits(), time);
            if (withTls)
            {
                assembler.SetIdentity(ThrowawayCertificate.Create(time.GetUtcNow()));
                Add(WarmupBootstrap.Inbound(ports["workload"].Port));
            }
            Add(WarmupBootstrap.Outbound(ports["workload"].Port, withTls ? ports["inbound"].Port : null));
            _client = new WarmupClient(_worker, ports["outbound"], [.. WarmupBootstrap.Script(withTls)]);

            string? Open(BoundListener bound)
            {
                ports[bound.Listener.Name] = _worker.Listen(bound.Listener.Address, new ListenOptions { Gate = context.Admission.For(bound.Listener.Name) }, new WorkerListener(context, bound.Listener)).Local;
                return null;
            }

            void Add(string json)
            {
                var rejections = assembler.AddStatic(BootstrapFile.Parse(json, "warm-up"));
                if (rejections.Count > 0) throw new BootstrapException([.. rejections.Select(r => r.ToString())]);
                assembler.Settle();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Requests that were answered.</summary>
    public int Requests => _client.Answered;

    public int Unexpected => _client.Unexpected + _faults;

    public bool RoundIsOver => _client.IsDone;

    /// <summary>Starts the script from its beginning.</summary>
    public void BeginRound() => _client.Restart();

    /// <summary>Works off what has happened; waits at most <paramref name="wait"/> for something to happen.</summary>
    public void Turn(TimeSpan wait) => _worker.Turn((int)wait.TotalMilliseconds);

    public void Dispose()
    {
        _worker.Stop();
        _worker.Run(); // stopped already: it only closes every socket
        _worker.Dispose();
    }
}

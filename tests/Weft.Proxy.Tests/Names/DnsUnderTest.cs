using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Configuration;
using Weft.Proxy.Names;
using Weft.Proxy.Names.Forwarding;
using Weft.Proxy.Names.Serving;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Weft.Routing.Listeners;
using Weft.Routing.Names;
using Weft.Telemetry.Metrics;
using Weft.TestSupport;

namespace Weft.Proxy.Tests.Names;

/// <summary>A listener for names on a worker of its own, and clients for it.</summary>
internal sealed class DnsUnderTest : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly MetricsRegistry _metrics = new(TimeProvider.System);
    private readonly MachineResolvers _machine = new("/nonexistent/resolv.conf", TimeProvider.System);
    private readonly DnsListener _listener;

    public DnsUnderTest(DnsServer server, TimeProvider? time = null, IPEndPoint? at = null)
    {
        Host = new WorkerHost(time: time);
        Context = new WorkerContext(Host.Worker, Store, _metrics.CreateShard(), new NodeIdentity("default/me", "v1"), new Admission(new OverloadSettings(), _metrics, TimeProvider.System, _ => { }), 42) { Detection = Weft.Proxy.Detection.DetectionContext.Create(_metrics, TimeProvider.System) };
        var listener = new Listener { Name = "names", Address = at ?? WorkerHost.Loopback, FilterChains = [], Dns = server };
        _listener = Host.On(() => new DnsListener(Context, listener, listener.Address, new ListenOptions { Gate = Context.Admission.For("names") }, new DnsServices(new DnsMetrics(_metrics), _machine)));
        Address = _listener.Local;
        Store.Published += next => Host.Worker.Post(() => Context.Names.OnPublished(next));
    }

    public WorkerHost Host { get; }

    public WorkerContext Context { get; }

    public ConfigStore Store { get; } = new();

    public IPEndPoint Address { get; }

    public Resolver Resolver => Host.On(() => _listener.Resolver);

    /// <summary>Names that the control plane was asked for.</summary>
    public ConcurrentQueue<string> Wanted { get; } = new();

    /// <summary>Forwards to <paramref name="servers"/>; each is waited for no longer than 2 s.</summary>
    public static DnsForwarding To(params IPEndPoint[] servers) => new([.. servers]) { AttemptTimeout = TimeSpan.FromSeconds(2) };

    /// <summary>Moves the worker's clock, and has it look.</summary>
    public void Advance(ManualTime time, TimeSpan by)
    {
        time.Advance(by);
        Host.On(() => { });
    }

    /// <summary>There is a control plane from now on, which says nothing by itself.</summary>
    public DnsUnderTest Managed()
    {
        Store.WantName = Wanted.Enqueue;
        return this;
    }

    /// <summary>The control plane has spoken; null: there is no such service.</summary>
    public void Know(string name, MeshService? service) => Store.Publish(new ProxyConfig { Names = Store.Current.Names.With(name, new NameEntry(service)) });

    public static MeshService Service(string key, bool headless, params string[] addresses) =>
        new(key.Split('.')[0], key.Split('.')[1], [.. addresses.Select(IPAddress.Parse)], headless);

    /// <summary>One question from a socket of its own.</summary>
    public async Task<byte[]> AskAsync(byte[] query)
    {
        using var client = new UdpClient(AddressFamily.InterNetwork);
        client.Connect(Address);
        await client.SendAsync(query);
        return (await client.ReceiveAsync().WaitAsync(Patience)).Buffer;
    }

    /// <summary>The question for A records of <paramref name="name"/>, answered with what <see cref="Summary"/> says.</summary>
    public async Task<string> ResolveAsync(string name, int type = 1) => Summary(await AskAsync(DnsBytes.Query(name, type)));

    public async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(Address);
        return client;
    }

    public static byte[] Framed(byte[] message) => [.. DnsBytes.Number(message.Length), .. message];

    public static async Task<byte[]> ReadFramedAsync(Stream stream)
    {
        using var patience = new CancellationTokenSource(Patience);
        var length = new byte[2];
        await stream.ReadExactlyAsync(length, patience.Token);
        var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        await stream.ReadExactlyAsync(message, patience.Token);
        return message;
    }

    /// <summary>Response code and addresses with their times to live: <c>0 10.0.0.1/60</c>; only for answers whose records all belong to the question.</summary>
    public static string Summary(byte[] response)
    {
        var (_, question, _, _) = DnsBytes.Read(response);
        var at = 12 + question.Length;
        var words = new List<string> { (response[3] & 15).ToString() };
        if ((response[2] & 2) != 0) words.Add("truncated");
        for (var left = BinaryPrimitives.ReadUInt16BigEndian(response.AsSpan(6)); left > 0; left--)
        {
            response.AsSpan(at, 2).ToArray().ShouldBe(DnsBytes.PointerToQuestion);
            var length = BinaryPrimitives.ReadUInt16BigEndian(response.AsSpan(at + 10));
            words.Add($"{new IPAddress(response.AsSpan(at + 12, length))}/{BinaryPrimitives.ReadUInt32BigEndian(response.AsSpan(at + 6))}");
            at += 12 + length;
        }
        return string.Join(' ', words);
    }

    public double Metric(string series)
    {
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        PrometheusText.Write(_metrics, text);
        return double.Parse(System.Text.Encoding.UTF8.GetString(text.WrittenSpan).Split('\n').First(l => l.StartsWith(series + " ", StringComparison.Ordinal)).Split(' ')[1]);
    }

    public double Queries(string outcome) => Metric($"weft_dns_queries_total{{outcome=\"{outcome}\"}}");

    public void Dispose()
    {
        Host.On(_listener.Close);
        Host.Dispose();
        _machine.Dispose();
    }
}

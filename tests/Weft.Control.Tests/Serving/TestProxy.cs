using System.Collections.Concurrent;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Grpc;
using Weft.Identity;
using Weft.Xds;

namespace Weft.Control.Tests.Serving;

/// <summary>What a proxy does towards a control plane, without a data plane: joins, opens a stream over mutual TLS, and answers.</summary>
internal sealed class TestProxy : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-proxy-").FullName;
    private readonly string _name;
    private readonly DeltaClientStream _client;
    private readonly SemaphoreSlim _turn = new(1); // the client stream is for one caller at a time
    private HttpMessageInvoker? _invoker;
    private GrpcDuplexCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse>? _call;
    private Task _reading = Task.CompletedTask;

    private TestProxy(string name, string account, string[] features)
    {
        _name = name;
        var node = NodeOf(name, account);
        node.ClientFeatures.Add(features);
        _client = new DeltaClientStream(node, TimeProvider.System);
    }

    public IdentityAgent Agent { get; private set; } = null!;

    public GrpcClient Grpc { get; private set; } = null!;

    /// <summary>Resources that came and were not removed, by type and name: their version.</summary>
    public ConcurrentDictionary<(XdsType Type, string Name), XdsResource> Held { get; } = new();

    /// <summary>Resources received on all streams, in all versions.</summary>
    public int Received { get; private set; }

    /// <summary>What to refuse of an update; null to keep it unanswered until <see cref="ReleaseAsync"/>.</summary>
    public Func<DeltaUpdate, IReadOnlyList<XdsRefusal>?> Judge { get; set; } = _ => [];

    private readonly List<DeltaUpdate> _kept = [];

    /// <summary>How the stream ended.</summary>
    public TaskCompletionSource<GrpcStatus> Ended { get; private set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<TestProxy> JoinAsync(TestControl control, string name, string account = "default", params string[] features)
    {
        var proxy = new TestProxy(name, account, features);
        var token = Path.Combine(proxy._folder, "token");
        await File.WriteAllTextAsync(token, await control.TokenAsync(account));
        proxy.Agent = IdentityAgent.Start(new IdentityAgentOptions
        {
            ControlAddress = control.Control.XdsAddress.ToString(), KeysDirectory = Path.Combine(proxy._folder, "keys"), JoinTokenFile = token, Random = new Random(1),
        });
        await proxy.Agent.WaitAsync(default).WaitAsync(TimeSpan.FromSeconds(30));
        proxy.Use(control);
        return proxy;
    }

    /// <summary>Calls that control plane from now on.</summary>
    public void Use(TestControl control)
    {
        _invoker?.Dispose();
        _invoker = new HttpMessageInvoker(Agent.CreateControlHandler());
        Grpc = new GrpcClient(_invoker, new Uri($"https://{control.Control.XdsAddress}"));
    }

    public async Task OpenAsync(params string[] services)
    {
        Ended = new TaskCompletionSource<GrpcStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        _call = await Grpc.DuplexAsync(AdsMethods.Delta);
        _client.SubscribeAll(XdsType.Listener);
        foreach (var type in new[] { XdsType.Cluster, XdsType.Endpoint, XdsType.Route }) _client.Subscribe(type, services);
        _client.Subscribe(XdsType.Secret, "ROOTCA");
        _client.OnStreamOpened();
        await SendAsync();
        _reading = ReadAsync(_call);
    }

    /// <summary>Asks for more names on the open stream.</summary>
    public async Task AskAsync(XdsType type, params string[] names)
    {
        await _turn.WaitAsync();
        try
        {
            _client.Subscribe(type, names);
            await SendAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Names that the server said do not exist, on all streams, by type.</summary>
    public ConcurrentDictionary<(XdsType Type, string Name), bool> Absent { get; } = new();

    public async Task ReleaseAsync()
    {
        await _turn.WaitAsync();
        try
        {
            foreach (var update in _kept) _client.Ack(update);
            _kept.Clear();
            await SendAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    public async Task<XdsResource> WaitForAsync(XdsType type, string name, string? otherThan = null)
    {
        await UntilAsync(() => Held.TryGetValue((type, name), out var held) && held.Version != otherThan, $"{type} {name}");
        return Held[(type, name)];
    }

    public Task WaitForRemovalAsync(XdsType type, string name) => UntilAsync(() => !Held.ContainsKey((type, name)), $"removal of {type} {name}");

    public static async Task UntilAsync(Func<bool> holds, string what)
    {
        for (var i = 0; i < 1000; i++)
        {
            if (holds()) return;
            await Task.Delay(20);
        }
        throw new ShouldAssertException($"waited 20 s for {what}");
    }

    public async Task CloseAsync()
    {
        if (_call is not null) await _call.DisposeAsync();
        _call = null;
        await _reading;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _invoker?.Dispose();
        await Agent.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    public static Node NodeOf(string name, string account = "default", string ns = "default") => new()
    {
        Id = $"{name}.{ns}",
        Cluster = name,
        ClientFeatures = { "weft.v1" },
        UserAgentName = "test-proxy",
        Metadata = new Struct
        {
            Fields =
            {
                ["weft.dev"] = Value.ForStruct(new Struct
                {
                    Fields =
                    {
                        ["workload"] = Value.ForString(name), ["namespace"] = Value.ForString(ns), ["serviceAccount"] = Value.ForString(account),
                        ["service"] = Value.ForString(name), ["address"] = Value.ForString("127.0.0.1"), ["outboundPort"] = Value.ForNumber(15001),
                        ["inbound"] = Value.ForList(Value.ForStruct(new Struct
                        {
                            Fields = { ["name"] = Value.ForString("http"), ["port"] = Value.ForNumber(8080), ["listen"] = Value.ForNumber(9080) },
                        })),
                    },
                }),
            },
        },
    };

    private async Task ReadAsync(GrpcDuplexCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call)
    {
        try
        {
            await foreach (var response in call.ReadAllAsync())
            {
                await _turn.WaitAsync();
                try
                {
                    await TakeAsync(response);
                }
                finally
                {
                    _turn.Release();
                }
            }
            Ended.TrySetResult(GrpcStatus.Ok);
        }
        catch (GrpcException e)
        {
            Ended.TrySetResult(e.Status);
        }
        finally
        {
            _client.OnStreamClosed();
        }
    }

    private async Task TakeAsync(DeltaDiscoveryResponse response)
    {
        if (_client.OnResponse(response) is not { } update) return;
        Received += update.Added.Count;
        if (Judge(update) is not { } refused)
        {
            _kept.Add(update);
            return;
        }
        foreach (var added in update.Added.Where(a => !refused.Any(r => r.Name == a.Name))) Held[(update.Type, added.Name)] = added;
        foreach (var removed in update.Removed)
        {
            Held.TryRemove((update.Type, removed), out _);
            Absent[(update.Type, removed)] = true;
        }
        if (refused.Count > 0) _client.Nack(update, refused);
        else _client.Ack(update);
        await SendAsync();
    }

    private async Task SendAsync()
    {
        foreach (var request in _client.TakeRequests()) await _call!.WriteAsync(request);
    }
}

using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Shouldly;
using Weft.TestSupport;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Joined;

/// <summary>Both ends joined by queues that a seeded adversary drains as it likes, while the mesh changes and streams break. Whatever the order,
/// the client ends with what the snapshot says, and on the way nothing is sent that the client has.</summary>
public sealed class JoinedStreamsTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void Client_ends_with_the_snapshot_whatever_the_order(bool holdsAcks, bool withBadResources)
    {
        for (var seed = 1; seed <= 600; seed++)
        {
            var run = new Run(seed, holdsAcks, withBadResources);
            try
            {
                run.Play(steps: 250);
                run.Quiesce();
                run.CheckEnd();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}\n{string.Join('\n', run.Journal.TakeLast(60))}", e);
            }
        }
    }

    private sealed class Run
    {
        private readonly Random _chance;
        private readonly Mesh _mesh;
        private readonly DeltaClientStream _client;
        private readonly ModelProxy _proxy;
        private readonly bool _withBad;
        private readonly Queue<DeltaDiscoveryRequest> _up = [];
        private readonly Queue<DeltaDiscoveryResponse> _down = [];
        private DeltaServerStream? _server;
        // What the client of this stream has, as far as both sides can know, and what it asked for since: the bookkeeping of the invariant.
        private readonly Dictionary<(string, string), string> _known = [];
        private readonly HashSet<(string, string)> _asked = [];
        private readonly HashSet<string> _requested = [];
        private readonly Dictionary<string, string> _unanswered = [];

        public Run(int seed, bool holdsAcks, bool withBad)
        {
            _chance = new Random(seed);
            _withBad = withBad;
            _mesh = new Mesh(_chance, withBad);
            _client = new DeltaClientStream(new Node { Id = "n" }, new ManualTime());
            // A client that refuses routes stays on old ones; then clusters go from under them, rightly.
            _proxy = new ModelProxy(_client, holdsAcks, violation => { if (!withBad) throw new InvalidOperationException(violation); });
            _mesh.Change();
            _proxy.Start();
        }

        public List<string> Journal { get; } = [];

        public void Play(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                switch (_chance.Next(20))
                {
                    case 0 or 1:
                        _mesh.Change();
                        Journal.Add($"snapshot {_mesh.Snapshot.Revision}");
                        if (_server is not null) Push(_server.OnSnapshot(_mesh.Snapshot));
                        break;
                    case 2 when _chance.Next(4) == 0:
                        Break();
                        break;
                    case 3:
                        var route = Mesh.AllRoutes[_chance.Next(Mesh.AllRoutes.Count)];
                        if (!_proxy.OnDemand.Remove(route)) _proxy.OnDemand.Add(route);
                        _proxy.Reconcile();
                        break;
                    case 4 when _client.IsOpen && _chance.Next(3) == 0:
                        // "Tell me again", of something that is subscribed.
                        if (_client.Subscriptions(XdsType.Endpoint).FirstOrDefault() is { } again) _client.Subscribe(XdsType.Endpoint, again);
                        break;
                    default:
                        Turn();
                        break;
                }
            }
        }

        public void Quiesce()
        {
            for (var i = 0; i < 10_000; i++)
            {
                Turn();
                if (_server is not null && _up.Count == 0 && _down.Count == 0 && !HasRequests()) return;
            }
            throw new InvalidOperationException("it never comes to rest");
        }

        public void CheckEnd()
        {
            _proxy.HeldUpdates.ShouldBe(0, "an update that waits for ever");
            foreach (var type in XdsTypes.All)
            {
                var used = _proxy.Used(type);
                var names = _client.Subscriptions(type).Contains("*")
                    ? _mesh.Snapshot.Wildcard(type).Select(r => r.Name).Concat(used.Keys) : _client.Subscriptions(type);
                foreach (var name in names.ToHashSet())
                {
                    var resource = _mesh.Snapshot.Find(type, name);
                    if (resource is not null && ModelProxy.Content(resource).Contains('!'))
                        _server!.Nacks.ShouldContain(n => n.Type == type && n.Name == name && n.Version == resource.Version);
                    else
                        used.GetValueOrDefault(name).ShouldBe(resource is null ? null : ModelProxy.Content(resource), $"{type.Service()} {name}");
                }
                _server!.Status[(int)type].AwaitingAck.ShouldBeFalse();
            }
            _server!.AnsweredRevision.ShouldBe(_mesh.Snapshot.Revision);
            if (_server.Nacks.Count == 0) _server.SyncedRevision.ShouldBe(_mesh.Snapshot.Revision);
            if (!_withBad) _server.Nacks.ShouldBeEmpty();
        }

        /// <summary>One thing happens: a message is delivered on one side, or the client sends what it has.</summary>
        private void Turn()
        {
            if (_server is null) Connect();
            switch (_chance.Next(3))
            {
                case 0:
                    foreach (var request in _client.TakeRequests()) _up.Enqueue(request);
                    break;
                case 1 when _up.Count > 0:
                    Serve(_up.Dequeue());
                    break;
                case 2 when _down.Count > 0:
                    var response = _down.Dequeue();
                    Journal.Add("  client gets " + ServerHarness.Describe(response));
                    _proxy.Apply(_client.OnResponse(response)!);
                    break;
            }
        }

        private bool HasRequests()
        {
            var requests = _client.TakeRequests();
            foreach (var request in requests) _up.Enqueue(request);
            return requests.Count > 0;
        }

        private void Connect()
        {
            Journal.Add("connect");
            _server = new DeltaServerStream(new DeltaServerLimits { MaxResponseBytes = 12 });
            _known.Clear();
            _asked.Clear();
            _requested.Clear();
            _unanswered.Clear();
            _client.OnStreamOpened();
            Push(_server.OnSnapshot(_mesh.Snapshot));
        }

        private void Break()
        {
            if (_server is null) return;
            Journal.Add("break");
            _server = null;
            _up.Clear();
            _down.Clear();
            _client.OnStreamClosed();
        }

        private void Serve(DeltaDiscoveryRequest request)
        {
            Journal.Add($"  server gets {request.TypeUrl.Split('.')[^1]} +[{string.Join(' ', request.ResourceNamesSubscribe)}] -[{string.Join(' ', request.ResourceNamesUnsubscribe)}] ~[{string.Join(' ', request.InitialResourceVersions.Keys)}] {request.ResponseNonce}{(request.ErrorDetail is null ? "" : " NACK")}");
            if (_requested.Add(request.TypeUrl))
            {
                foreach (var (name, version) in request.InitialResourceVersions) _known[(request.TypeUrl, name)] = version;
            }
            foreach (var name in request.ResourceNamesSubscribe)
                if (!request.InitialResourceVersions.ContainsKey(name)) _asked.Add((request.TypeUrl, name));
            if (request.ResponseNonce.Length > 0)
            {
                _unanswered.Remove(request.TypeUrl, out var nonce).ShouldBeTrue();
                nonce.ShouldBe(request.ResponseNonce);
            }
            Push(_server!.OnRequest(request));
        }

        private void Push(IReadOnlyList<DeltaDiscoveryResponse> responses)
        {
            foreach (var response in responses)
            {
                Journal.Add($"  server sends {ServerHarness.Describe(response)} ({response.Nonce})");
                _unanswered.TryAdd(response.TypeUrl, response.Nonce).ShouldBeTrue("a second response before the first was answered");
                foreach (var resource in response.Resources)
                {
                    var key = (response.TypeUrl, resource.Name);
                    if (!_asked.Remove(key)) _known.GetValueOrDefault(key).ShouldNotBe(resource.Version, $"{resource.Name} was sent unchanged");
                    _known[key] = resource.Version;
                }
                foreach (var name in response.RemovedResources)
                {
                    var key = (response.TypeUrl, name);
                    if (!_asked.Remove(key)) _known.ContainsKey(key).ShouldBeTrue($"{name} was removed though the client has none");
                    _known.Remove(key);
                }
                _down.Enqueue(response);
            }
        }
    }
}

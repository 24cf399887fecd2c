using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;

namespace Weft.Xds.Tests.Harness;

/// <summary>A server stream with what it said written down in words: <c>CDS +a=1 -b</c>.</summary>
public sealed class ServerHarness
{
    private readonly Queue<DeltaDiscoveryResponse> _unanswered = [];
    private bool _nodeSent;

    public ServerHarness(TestSnapshot? snapshot = null, DeltaServerLimits? limits = null)
    {
        Stream = new DeltaServerStream(limits, "test");
        Snapshot = snapshot ?? TestSnapshot.Empty;
        if (snapshot is not null) Stream.OnSnapshot(snapshot);
    }

    public DeltaServerStream Stream { get; }

    public TestSnapshot Snapshot { get; private set; }

    /// <summary>Everything that was sent since the last call, one response per entry.</summary>
    public List<string> Sent { get; } = [];

    public string[] Take()
    {
        var taken = Sent.ToArray();
        Sent.Clear();
        return taken;
    }

    public string[] Change(params string[] changes)
    {
        Snapshot = Snapshot.With(changes);
        Log(Stream.OnSnapshot(Snapshot));
        return Take();
    }

    /// <summary>Sends a request in words: <c>CDS +a -b</c> subscribes and unsubscribes; <c>~a=1</c> is an initial version by its content.</summary>
    public string[] Ask(string words) => Request(Parse(words));

    public string[] Request(DeltaDiscoveryRequest request)
    {
        if (!_nodeSent) request.Node = new Node { Id = "test" };
        _nodeSent = true;
        Log(Stream.OnRequest(request));
        return Take();
    }

    /// <summary>Acknowledges the oldest response that is not answered.</summary>
    public string[] Ack()
    {
        var response = _unanswered.Dequeue();
        return Request(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });
    }

    /// <summary>Acknowledges the oldest unanswered response of one type.</summary>
    public string[] Ack(XdsType type)
    {
        var response = TakeUnanswered(type);
        return Request(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });
    }

    public string[] Nack(string message)
    {
        var response = _unanswered.Dequeue();
        return Request(new DeltaDiscoveryRequest
        {
            TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce, ErrorDetail = new Google.Rpc.Status { Code = 3, Message = message },
        });
    }

    /// <summary>Acknowledges until nothing is unanswered; what that led to.</summary>
    public string[] AckAll()
    {
        var sent = new List<string>();
        while (_unanswered.Count > 0) sent.AddRange(Ack());
        return [.. sent];
    }

    public static DeltaDiscoveryRequest Parse(string words)
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = XdsTypes.All.Single(t => t.Service() == words[..3]).TypeUrl() };
        foreach (var word in words[3..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word[0] == '+') request.ResourceNamesSubscribe.Add(word[1..]);
            else if (word[0] == '-') request.ResourceNamesUnsubscribe.Add(word[1..]);
            else request.InitialResourceVersions[word[1..].Split('=')[0]] = TestSnapshot.Version(word[1..].Split('=')[1]);
        }
        return request;
    }

    public static string Describe(DeltaDiscoveryResponse response)
    {
        return string.Join(' ',
        [
            XdsTypes.All.Single(t => t.TypeUrl() == response.TypeUrl).Service(),
            .. response.Resources.Select(r => $"+{r.Name}={r.Resource_.Value.ToStringUtf8()}"),
            .. response.RemovedResources.Select(r => "-" + r),
        ]);
    }

    private DeltaDiscoveryResponse TakeUnanswered(XdsType type)
    {
        var wanted = _unanswered.First(r => r.TypeUrl == type.TypeUrl());
        var rest = _unanswered.Where(r => !ReferenceEquals(r, wanted)).ToList();
        _unanswered.Clear();
        rest.ForEach(_unanswered.Enqueue);
        return wanted;
    }

    private void Log(IReadOnlyList<DeltaDiscoveryResponse> responses)
    {
        foreach (var response in responses)
        {
            Sent.Add(Describe(response));
            _unanswered.Enqueue(response);
        }
    }
}

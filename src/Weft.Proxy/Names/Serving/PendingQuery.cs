using Weft.Proxy.Names.Dns;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Names.Serving;

/// <summary>A question whose answer is not at hand: it waits for the control plane, then perhaps for another resolver.</summary>
internal sealed class PendingQuery : INameWaiter, ITimerHandler
{
    private readonly Resolver _resolver;
    private readonly byte[] _message;
    private readonly byte[] _lowerName;
    private readonly IReplyPath _path;
    private readonly SocketAddress _client;
    private readonly TimerNode _patience;

    /// <param name="question">What it needs is copied.</param>
    /// <param name="client">Whose it is, for the way back.</param>
    public PendingQuery(Resolver resolver, in DnsQuestion question, IReplyPath path, in SocketAddress client, long started)
    {
        (_resolver, _path, _client, Started, Query) = (resolver, path, client, started, question.Query);
        _message = question.Message[..(DnsHeader.Length + question.Query.QuestionLength)].ToArray(); // all that the response repeats; options may be ten times that
        _lowerName = question.LowerName.ToArray();
        _patience = new TimerNode(this);
    }

    public DnsQuery Query { get; }

    /// <summary>Timestamp of the worker's clock.</summary>
    public long Started { get; }

    public int ClientPort => SocketAddress.Read(_client).Port;

    public DnsQuestion Question => new(_message, _lowerName, Query);

    public IReplyPath Path => _path;

    /// <summary>Bounds the wait for the control plane.</summary>
    public void WaitFor(Worker worker, TimeSpan limit) => worker.Timers.Schedule(_patience, (long)limit.TotalMilliseconds);

    public void Reply(ReadOnlySpan<byte> response) => _path.Reply(response, _client);

    void INameWaiter.OnName(in NameAnswer answer)
    {
        _resolver.Worker.Timers.Cancel(_patience);
        _resolver.Resume(this, answered: true);
    }

    void ITimerHandler.OnTimer(TimerNode node) => _resolver.Resume(this, answered: false);

    /// <summary>An upstream resolver has answered, or none has.</summary>
    public void OnAnswer(DnsAnswer answer) => _resolver.Finish(this, answer);
}

/// <summary>A question that was read, with its bytes.</summary>
/// <param name="message">The client's message.</param>
/// <param name="lowerName">Its name in wire form and lower case.</param>
/// <param name="query">What was read of it.</param>
internal readonly ref struct DnsQuestion(ReadOnlySpan<byte> message, ReadOnlySpan<byte> lowerName, DnsQuery query)
{
    public ReadOnlySpan<byte> Message { get; } = message;

    public ReadOnlySpan<byte> LowerName { get; } = lowerName;

    public DnsQuery Query { get; } = query;
}

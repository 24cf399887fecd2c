using System.Net;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Names.Serving;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>
/// One question on its way: asked of one server after the other until one answers, over TCP where the answer does not fit into a datagram, and without EDNS where that is not understood.
/// Ends within (number of attempts) x (time for each), TCP's second try included.
/// </summary>
internal sealed class Lookup : ITimerHandler
{
    /// <summary>How long a failure is remembered: the least that RFC 9520 section 3.2 demands. A resolver that is down is then asked once a second for each name, not once for each client.</summary>
    private const uint FailureSeconds = 1;

    private readonly Forwarder _forwarder;
    private readonly IPEndPoint[] _servers;
    private readonly TimerNode _deadline;
    private readonly List<PendingQuery> _waiters;
    private readonly byte[] _name;
    private readonly DnsQuery _question;
    private IUpstreamAttempt? _attempt;
    private int _server;
    private int _attemptsLeft;
    private bool _hasEdns;
    private bool _done;

    public Lookup(Forwarder forwarder, byte[] key, PendingQuery first, IPEndPoint[] servers, int preferred)
    {
        (_forwarder, Key, _servers, _waiters, _question) = (forwarder, key, servers, [first], first.Query);
        _name = key[..first.Query.NameLength];
        _deadline = new TimerNode(this);
        _attemptsLeft = Math.Max(servers.Length, forwarder.Settings.Attempts);
        _server = preferred - 1;
    }

    /// <summary>The question (<see cref="QuestionKey"/>).</summary>
    public byte[] Key { get; }

    public void Begin() => Next();

    public void Join(PendingQuery waiter) => _waiters.Add(waiter);

    /// <summary>True when a message with this id from this port is the one that was sent last.</summary>
    public bool IsOwn(ushort id, int port) => _attempt is { } attempt && attempt.Id == id && attempt.LocalPort == port;

    /// <summary>A message from the server that is being asked.</summary>
    /// <returns>False when it is none of ours, and the attempt goes on waiting.</returns>
    public bool OnMessage(IUpstreamAttempt attempt, ReadOnlySpan<byte> message)
    {
        if (!ReferenceEquals(attempt, _attempt)) return false;
        var verdict = DnsReply.TryRead(
            message, attempt.Id, _name, _question.Type, _question.WantsSignatures, _hasEdns, _forwarder.Lifetimes, _forwarder.Records, out var answer);
        switch (verdict)
        {
            case DnsReplyVerdict.Foreign:
                _forwarder.Metrics.Foreign.Add();
                return false;
            case DnsReplyVerdict.Answer:
                Finish(answer!, _server);
                return true;
            case DnsReplyVerdict.Truncated when !attempt.IsTcp:
                Start(tcp: true, edns: _hasEdns);
                return true;
            case DnsReplyVerdict.NoEdns:
                Start(attempt.IsTcp, edns: false);
                return true;
            default:
                OnFailed(attempt);
                return true;
        }
    }

    /// <summary>The server cannot be reached, or what it said is of no use.</summary>
    public void OnFailed(IUpstreamAttempt attempt)
    {
        if (!ReferenceEquals(attempt, _attempt)) return;
        _forwarder.Metrics.UpstreamFailures.Add();
        Next();
    }

    void ITimerHandler.OnTimer(TimerNode node)
    {
        _forwarder.Metrics.UpstreamFailures.Add();
        Next();
    }

    void ITimerHandler.OnTimerFault(TimerNode node) => Finish(DnsAnswer.Failure(FailureSeconds), -1);

    private void Next()
    {
        // A loop: an attempt may fail while it is made.
        while (_attemptsLeft-- > 0)
        {
            _server = (_server + 1) % _servers.Length;
            _forwarder.Worker.Timers.Schedule(_deadline, (long)_forwarder.Settings.AttemptTimeout.TotalMilliseconds);
            if (Start(_forwarder.Settings.TcpOnly, edns: true)) return;
            _forwarder.Metrics.UpstreamFailures.Add();
        }
        Finish(DnsAnswer.Failure(FailureSeconds), -1);
    }

    /// <summary>Sends the question to the server whose turn it is, within the time of its attempt. False when that is not possible.</summary>
    private bool Start(bool tcp, bool edns)
    {
        _attempt?.Close();
        _hasEdns = edns;
        Span<byte> message = stackalloc byte[DnsQueryWriter.MaxLength];
        var id = _forwarder.Random.NextUInt16();
        // AD asks to be told whether the answer was verified (RFC 6840 section 5.7).
        var flags = (ushort)(DnsHeader.RecursionDesired | DnsHeader.AuthenticData | (_question.Header.Flags & DnsHeader.CheckingDisabled));
        var length = DnsQueryWriter.Write(message, id, _name, _question.Type, flags, edns ? _forwarder.PayloadBytes : (ushort)0, _question.WantsSignatures);
        if (tcp)
        {
            _attempt = new TcpAttempt(_forwarder, this, _servers[_server], id, message[..length]);
            return true;
        }
        var datagram = UdpAttempt.TryStart(_forwarder, this, _servers[_server], id, message[..length]);
        _attempt = datagram;
        return datagram is not null;
    }

    private void Finish(DnsAnswer answer, int server)
    {
        if (_done) return;
        _done = true;
        _attempt?.Close();
        _attempt = null;
        _forwarder.Worker.Timers.Cancel(_deadline);
        _forwarder.Finish(this, answer, server);
        foreach (var waiter in _waiters)
        {
            try
            {
                waiter.OnAnswer(answer);
            }
            catch (Exception e)
            {
                _forwarder.Worker.Report("dns", "its answer arrived", e); // the others still wait
            }
        }
    }
}

/// <summary>One question to one server over one transport.</summary>
internal interface IUpstreamAttempt
{
    ushort Id { get; }

    /// <summary>Port that it was sent from; 0 while there is none.</summary>
    int LocalPort { get; }

    bool IsTcp { get; }

    /// <summary>Ends it without a word. Harmless when it has ended.</summary>
    void Close();
}

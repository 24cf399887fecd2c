using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Names.Forwarding;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Workers;
using Weft.Routing.ForwardProxy;
using Weft.Routing.Names;
using SocketAddress = Weft.Proxy.Transport.SocketAddress;

namespace Weft.Proxy.Names.Serving;

/// <summary>
/// Decides who answers a question: the configuration's own table, the mesh, what is remembered, or another resolver. One per worker and version of a listener; what is at hand is answered
/// without allocating.
/// </summary>
internal sealed class Resolver
{
    /// <summary>What <see cref="Handle"/> answers for a question that waits.</summary>
    public const int Waits = -1;

    private readonly WorkerContext _context;
    private readonly DnsServer _server;
    private readonly Forwarder? _forwarder;
    private readonly DnsMetrics _metrics;
    private readonly byte[] _response = new byte[ushort.MaxValue];
    private int _waiting;         // questions that somebody else is to answer

    /// <param name="machine">The machine's resolvers.</param>
    /// <param name="self">Where this listener is reached.</param>
    public Resolver(WorkerContext context, DnsServer server, Func<IReadOnlyList<IPEndPoint>> machine, IPEndPoint self, DnsMetrics metrics)
    {
        (_context, _server, _metrics) = (context, server, metrics);
        _forwarder = server.Forwarding is null ? null : new Forwarder(context.Worker, server, machine, self, metrics);
    }

    public Worker Worker => _context.Worker;

    public DnsServer Server => _server;

    /// <summary>Answers one message of a client.</summary>
    /// <param name="into">Room for the response: 65,535 bytes.</param>
    /// <returns>Bytes of the response; 0 for none; <see cref="Waits"/> when <paramref name="path"/> will be given it later.</returns>
    public int Handle(ReadOnlySpan<byte> message, IReplyPath path, in SocketAddress client, Span<byte> into)
    {
        var started = Worker.Time.GetTimestamp();
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        var verdict = DnsQuery.TryRead(message, name, out var query);
        var question = new DnsQuestion(message, name[..query.NameLength], query);
        into = into[..path.MaxBytes(query)];
        int length;
        DnsOutcome outcome;
        if (verdict != DnsQueryVerdict.Ok) length = Refuse(question, verdict, into, out outcome);
        else
        {
            length = AnswerAtHand(question, into, out outcome, out var mustAsk);
            if (length == Waits && _waiting < _server.MaxPending) return Wait(question, path, client, started, mustAsk);
            if (length == Waits) length = Fail(question, into, out outcome);
        }
        _metrics.Ended(outcome, Since(started));
        return length;
    }

    /// <summary>The control plane has said what the name is (<paramref name="answered"/>), or has said nothing for too long: then it goes where unknown names go.</summary>
    public void Resume(PendingQuery pending, bool answered)
    {
        if (!answered) _context.Names.GiveUp(pending);
        var question = pending.Question;
        var into = _response.AsSpan(0, pending.Path.MaxBytes(question.Query));
        var length = AnswerAtHand(question, into, out var outcome, out var mustAsk);
        if (length == Waits && mustAsk) length = AnswerElsewhere(question, into, out outcome);
        if (length == Waits)
        {
            if (_forwarder!.TryAsk(Key(question, stackalloc byte[QuestionKey.MaxLength]), pending)) return;
            length = Fail(question, into, out outcome);
        }
        Tell(pending, length, outcome);
    }

    /// <summary>An upstream resolver has answered, or none has.</summary>
    public void Finish(PendingQuery pending, DnsAnswer answer)
    {
        var into = _response.AsSpan(0, pending.Path.MaxBytes(pending.Query));
        var length = Write(pending.Question, answer, ageSeconds: 0, into);
        Tell(pending, length, OutcomeOf(answer, DnsOutcome.Forwarded));
    }

    private void Tell(PendingQuery pending, int length, DnsOutcome outcome)
    {
        _waiting--;
        _metrics.Ended(outcome, Since(pending.Started));
        pending.Reply(_response.AsSpan(0, length));
    }

    /// <summary>What needs nobody else. <see cref="Waits"/> when somebody must be asked: the control plane (<paramref name="mustAsk"/>) or another resolver.</summary>
    private int AnswerAtHand(in DnsQuestion question, Span<byte> into, out DnsOutcome outcome, out bool mustAsk)
    {
        mustAsk = false;
        Span<byte> text = stackalloc byte[DnsName.MaxLength];
        if (_server.Table.Count > 0 && DnsName.TryWriteText(question.LowerName, text, out var length) && _server.Table.Find(text[..length]) is { } entry)
        {
            outcome = DnsOutcome.Table;
            return Write(question, entry.Addresses.AsSpan(), (uint)entry.Ttl.TotalSeconds, first: 0, into);
        }
        Span<byte> key = stackalloc byte[MeshName.MaxLength];
        if (TryWriteMeshKey(question, text, key, out length))
        {
            var known = _context.Names.Entry(key[..length]);
            if (known?.Service is { } service && TryAnswer(question, service, into, out length))
            {
                outcome = DnsOutcome.Mesh;
                return length;
            }
            mustAsk = known is null && _context.Config.WantName is not null && _context.Names.MayWait(key[..length]);
        }
        if (!mustAsk) return AnswerElsewhere(question, into, out outcome);
        outcome = default;
        return Waits;
    }

    /// <summary>For names that are not the mesh's: what is remembered, or <see cref="Waits"/>.</summary>
    private int AnswerElsewhere(in DnsQuestion question, Span<byte> into, out DnsOutcome outcome)
    {
        if (_forwarder is null)
        {
            // "No such name" would be a lie that clients remember: it may well exist, and nobody here can know.
            outcome = DnsOutcome.Refused;
            return End(question, into, DnsRcode.Refused);
        }
        if (_forwarder.Cache.TryFind(Key(question, stackalloc byte[QuestionKey.MaxLength]), Worker.NowMs, out var answer, out var age))
        {
            outcome = OutcomeOf(answer, DnsOutcome.Cached);
            return Write(question, answer, age, into);
        }
        outcome = DnsOutcome.Refused;
        return question.Query.WantsRecursion ? Waits : End(question, into, DnsRcode.Refused);
    }

    /// <summary>Makes the question wait for whom it must.</summary>
    private int Wait(in DnsQuestion question, IReplyPath path, in SocketAddress client, long started, bool mustAsk)
    {
        _waiting++;
        var pending = new PendingQuery(this, question, path, client, started);
        if (!mustAsk)
        {
            if (_forwarder!.TryAsk(Key(question, stackalloc byte[QuestionKey.MaxLength]), pending)) return Waits;
            Tell(pending, Fail(question, _response.AsSpan(0, path.MaxBytes(question.Query)), out var outcome), outcome);
            return Waits;
        }
        Span<byte> key = stackalloc byte[MeshName.MaxLength];
        Span<byte> text = stackalloc byte[DnsName.MaxLength];
        _ = TryWriteMeshKey(question, text, key, out var length); // as it did a moment ago
        pending.WaitFor(Worker, _server.Mesh!.LookupTimeout);
        _context.Names.Find(key[..length], pending);
        return Waits;
    }

    /// <summary>The name under which the control plane would know it. False for what cannot be of the mesh.</summary>
    private bool TryWriteMeshKey(in DnsQuestion question, Span<byte> text, Span<byte> key, out int length)
    {
        length = 0;
        if (_server.Mesh is not { } mesh) return false;
        if (question.Query.Type == DnsType.Ptr && ReverseName.Parse(question.LowerName) is { } address)
            return NameTable.MayBeVirtual(address) && address.TryFormat(key, out length);
        return DnsName.TryWriteText(question.LowerName, text, out var textLength) && MeshQuestion.TryWrite(text[..textLength], mesh, key, out length);
    }

    /// <summary>False for an address whose owner has another name: a headless service's endpoint is a machine, and somebody else knows what it is called.</summary>
    private bool TryAnswer(in DnsQuestion question, MeshService service, Span<byte> into, out int length)
    {
        var ttl = (uint)(service.IsHeadless ? _server.Mesh!.EndpointTtl : _server.Mesh!.AnswerTtl).TotalSeconds;
        if (question.Query.Type == DnsType.Ptr && ReverseName.Parse(question.LowerName) is not null)
        {
            length = 0;
            if (service.IsHeadless) return false;
            Span<byte> name = stackalloc byte[DnsName.MaxLength];
            var suffix = _server.Mesh!.DomainSuffixes is [var longest, ..] ? $".{longest}" : "";
            if (!DnsName.TryParse(Encoding.ASCII.GetBytes(service.Key + suffix), name, out var nameLength)) return false;
            var writer = new DnsResponseWriter(into, question.Message, question.Query);
            writer.Name(DnsType.Ptr, name[..nameLength], ttl);
            length = writer.End(DnsRcode.NoError, (ushort)(Flags | DnsHeader.Authoritative), (ushort)_server.MaxDatagramBytes);
            return true;
        }
        // Clients take the first address. A service's own are the same to everybody; those of endpoints take turns.
        var first = service.IsHeadless && service.Addresses.Length > 1 ? (int)_context.Chance.Below((uint)service.Addresses.Length) : 0;
        length = Write(question, service.Addresses.AsSpan(), ttl, first, into);
        return true;
    }

    /// <summary>The addresses of the type that was asked for, from the <paramref name="first"/> on, or that there is none.</summary>
    private int Write(in DnsQuestion question, ReadOnlySpan<IPAddress> addresses, uint ttl, int first, Span<byte> into)
    {
        var type = question.Query.Type;
        var writer = new DnsResponseWriter(into, question.Message, question.Query);
        var any = false;
        for (var i = 0; i < addresses.Length; i++)
        {
            var address = addresses[(first + i) % addresses.Length];
            var itsType = address.AddressFamily == AddressFamily.InterNetworkV6 ? DnsType.Aaaa : DnsType.A;
            if (type != itsType && type != DnsType.Any) continue; // RFC 8482 section 4.1: to ANY some of the records are enough
            writer.Address(address, ttl);
            any = true;
        }
        if (!any) writer.Nothing(ttl);
        return writer.End(DnsRcode.NoError, (ushort)(Flags | DnsHeader.Authoritative), (ushort)_server.MaxDatagramBytes);
    }

    private int Write(in DnsQuestion question, DnsAnswer answer, uint ageSeconds, Span<byte> into)
    {
        var writer = new DnsResponseWriter(into, question.Message, question.Query);
        writer.Records(answer, ageSeconds);
        // RFC 6840 section 5.8: AD is told to those who have shown that they know it.
        var knowsAd = question.Query.WantsSignatures || question.Query.Header.Has(DnsHeader.AuthenticData);
        return writer.End(answer.Rcode, (ushort)(Flags | (answer.IsAuthentic && knowsAd ? DnsHeader.AuthenticData : 0)), (ushort)_server.MaxDatagramBytes);
    }

    private int Refuse(in DnsQuestion question, DnsQueryVerdict verdict, Span<byte> into, out DnsOutcome outcome)
    {
        outcome = verdict switch
        {
            DnsQueryVerdict.Drop => DnsOutcome.Dropped,
            DnsQueryVerdict.Refused => DnsOutcome.Refused,
            _ => DnsOutcome.Malformed,
        };
        return verdict switch
        {
            DnsQueryVerdict.Drop => 0,
            DnsQueryVerdict.NotImplemented => End(question, into, DnsRcode.NotImplemented),
            DnsQueryVerdict.Refused => End(question, into, DnsRcode.Refused),
            DnsQueryVerdict.BadVersion => End(question, into, DnsRcode.BadVersion),
            _ => End(question, into, DnsRcode.FormatError),
        };
    }

    private int Fail(in DnsQuestion question, Span<byte> into, out DnsOutcome outcome)
    {
        outcome = DnsOutcome.ServerFailure;
        return End(question, into, DnsRcode.ServerFailure);
    }

    private int End(in DnsQuestion question, Span<byte> into, DnsRcode rcode) =>
        new DnsResponseWriter(into, question.Message, question.Query).End(rcode, Flags, (ushort)_server.MaxDatagramBytes);

    private ushort Flags => _forwarder is null ? (ushort)0 : DnsHeader.RecursionAvailable;

    private static DnsOutcome OutcomeOf(DnsAnswer answer, DnsOutcome success) => answer.Rcode switch
    {
        DnsRcode.NameError => DnsOutcome.NameError,
        DnsRcode.ServerFailure => DnsOutcome.ServerFailure,
        _ => success,
    };

    private static ReadOnlySpan<byte> Key(in DnsQuestion question, Span<byte> into) => into[..QuestionKey.Write(question.LowerName, question.Query, into)];

    private long Since(long started) => (long)Worker.Time.GetElapsedTime(started).TotalMicroseconds;
}

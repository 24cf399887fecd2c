using System.Text;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http1;
using Weft.Routing.Headers;
using Weft.Routing.Listeners;
using Weft.Routing.Requests;
using Weft.Telemetry.Outcomes;
using Weft.Telemetry.Tracing;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// Writes heads anew for the next hop, field by field: hop-by-hop fields and the mesh's own stay behind, the route's edits and the fields that every
/// request carries come in, one framing is written. No head is ever copied through as bytes (engine rule 5).
/// </summary>
internal static class Http1Heads
{
    /// <summary>Room for what we add to a head besides the route's own lines: framing, ids, trace context, forwarding.</summary>
    private const int OwnFieldsBytes = 1024;

    /// <returns>False: the head cannot be written as HTTP/1.1 (an edit or a rewrite made it invalid).</returns>
    public static bool WriteRequest(ref OutputQueue output, Exchange exchange, in Http1BodyFraming framing)
    {
        var head = exchange.Downstream.Head;
        var edits = exchange.RequestHeaders;
        var authority = exchange.HostRewrite.IsEmpty ? head.Authority : exchange.HostRewrite;
        Span<byte> rewritten = default;
        if (exchange.PathRewrite is { } rewrite)
        {
            rewritten = exchange.Context.Scratch(head.Path.Length + rewrite.Replacement.Length + 1);
            var length = rewrite.WriteTo(head.Path, rewritten);
            if (length < 0) return false;
            rewritten = rewritten[..length];
        }
        var target = rewritten.IsEmpty ? head.Path : rewritten;

        var space = output.Reserve(SizeOf(head, edits) + target.Length + (authority.Length * 2) + OwnFieldsBytes);
        var writer = new HeadWriter(space);
        writer.RequestLine(head.Method, target);
        writer.Host(authority);

        ulong seen = 0;
        var preserveCase = exchange.Connection.Chain.Http.PreserveCase;
        bool traceparent = false, forwardedProto = false;
        foreach (ref readonly var field in head.Fields)
        {
            switch (field.Known)
            {
                case KnownHeader.Host or KnownHeader.XWeft: continue;
                case KnownHeader.XRequestId: continue; // written below: one, and valid
                case KnownHeader.Traceparent: traceparent = true; break;
                case KnownHeader.XForwardedProto: forwardedProto = true; break;
            }
            if (field.HopByHop || Drops(edits, head.Name(field), ref seen)) continue;
            if (preserveCase) writer.Field(head.Buffer, field);
            else writer.FieldInLowerCase(head.Buffer, field);
        }
        WriteEdits(ref writer, edits, seen);
        writer.Field("x-request-id"u8, exchange.RequestId.Span);
        if (!traceparent) WriteTraceparent(ref writer, exchange);
        if (!forwardedProto) writer.Field("x-forwarded-proto"u8, head.Scheme);
        WriteForwardedFor(ref writer, exchange);
        if (exchange.AppendForwardedHost && !exchange.HostRewrite.IsEmpty) writer.Field("x-forwarded-host"u8, head.Authority);
        if (exchange.ToMeshPeer && !exchange.Context.Node.SourceUtf8.IsEmpty) writer.Field("x-weft-source"u8, exchange.Context.Node.SourceUtf8);
        if (exchange.Downstream.AcceptsTrailers) writer.TeTrailers();
        framing.WriteFields(ref writer);
        writer.End();
        if (writer.Status != WriteStatus.Ok) return false;
        output.Commit(writer.Written);
        return true;
    }

    /// <returns>False: the response's head cannot be passed on.</returns>
    public static bool WriteResponse(
        ref OutputQueue output, in ResponseHead head, Exchange exchange, in Http1BodyFraming framing, int clientMinor, bool keepAlive)
    {
        var edits = exchange.ResponseHeaders;
        var http = exchange.Connection.Chain.Http;
        var space = output.Reserve(SizeOf(head, edits) + OwnFieldsBytes);
        var writer = new HeadWriter(space);
        writer.StatusLine(head.Status, head.Reason);
        ulong seen = 0;
        var hasServer = false;
        foreach (ref readonly var field in head.Fields)
        {
            if (field.HopByHop) continue;
            // The mark of an application's own x-weft field would be taken for the proxy's word; between mesh proxies the peer's is passed to the
            // application's caller, who may want to know why.
            if (field.Known == KnownHeader.XWeft && !exchange.ToMeshPeer) continue;
            if (field.Known == KnownHeader.Server)
            {
                hasServer = true;
                if (http.ServerName is not null && http.ServerHeader == ServerHeaderMode.Overwrite) continue;
            }
            if (Drops(edits, head.Name(field), ref seen)) continue;
            if (field.Known == KnownHeader.XWeft && head.Value(field).SequenceEqual(Fault.Unprocessed.CodeUtf8()))
            {
                writer.Field("x-weft-fault"u8, Fault.ConnectFailure.CodeUtf8()); // the mark is between proxies; to a caller it is a connection that failed
                continue;
            }
            if (http.PreserveCase) writer.Field(head.Buffer, field);
            else writer.FieldInLowerCase(head.Buffer, field);
        }
        if (http.ServerName is { } server && (http.ServerHeader == ServerHeaderMode.Overwrite || http.ServerHeader == ServerHeaderMode.AppendIfAbsent && !hasServer))
            WriteText(ref writer, "server"u8, server);
        WriteEdits(ref writer, edits, seen);
        framing.WriteFields(ref writer);
        WritePersistence(ref writer, keepAlive, clientMinor);
        writer.End();
        if (writer.Status != WriteStatus.Ok) return false;
        output.Commit(writer.Written);
        return true;
    }

    /// <summary>An interim response: its fields but those of this hop, no edits.</summary>
    public static void WriteInterim(ref OutputQueue output, in ResponseHead head)
    {
        var space = output.Reserve(SizeOf(head, HeaderMutations.None) + 64);
        var writer = new HeadWriter(space);
        writer.StatusLine(head.Status, head.Reason);
        foreach (ref readonly var field in head.Fields)
        {
            if (!field.HopByHop && field.Known != KnownHeader.XWeft) writer.Field(head.Buffer, field);
        }
        writer.End();
        if (writer.Status == WriteStatus.Ok) output.Commit(writer.Written);
    }

    public static void WriteLocalReply(ref OutputQueue output, in LocalReply reply, Exchange exchange, bool keepAlive, int clientMinor, bool withoutBody)
    {
        var edits = exchange.ResponseHeaders;
        var size = OwnFieldsBytes + reply.Location.Length + reply.Body.Length;
        foreach (var edit in edits.Edits) size += edit.Lines(present: false).Length;
        var writer = new HeadWriter(output.Reserve(size));
        writer.StatusLine(reply.Status, ReasonPhrases.Of(reply.Status));
        if (reply.Body.Length > 0) writer.Field("content-type"u8, "text/plain; charset=utf-8"u8);
        if (!reply.Location.IsEmpty) writer.Field("location"u8, reply.Location);
        if (!reply.Fault.IsEmpty)
        {
            writer.Field("x-weft-fault"u8, reply.Fault);
            writer.Field("x-weft-id"u8, reply.Id);
        }
        WriteEdits(ref writer, edits, 0);
        if (reply.Status is not (204 or 304)) writer.ContentLength(reply.Body.Length);
        WritePersistence(ref writer, keepAlive, clientMinor);
        writer.End();
        output.Commit(writer.Written);
        if (!withoutBody) output.Append(reply.Body);
    }

    private static void WritePersistence(ref HeadWriter writer, bool keepAlive, int clientMinor)
    {
        if (!keepAlive) writer.ConnectionClose();
        else if (clientMinor == 0) writer.ConnectionKeepAlive();
    }

    /// <summary>Whether the route takes a field away; remembers in <paramref name="seen"/> that its name was there (for up to 64 edited names).</summary>
    private static bool Drops(HeaderMutations edits, ReadOnlySpan<byte> name, ref ulong seen)
    {
        if (edits.IsEmpty) return false;
        var index = edits.IndexOf(name);
        if (index < 0) return false;
        if (index < 64) seen |= 1UL << index;
        return edits.Edits[index].DropsOriginal;
    }

    private static void WriteEdits(ref HeadWriter writer, HeaderMutations edits, ulong seen)
    {
        for (var i = 0; i < edits.Edits.Length; i++) writer.Lines(edits.Edits[i].Lines(i < 64 && (seen & (1UL << i)) != 0));
    }

    private static void WriteTraceparent(ref HeadWriter writer, Exchange exchange)
    {
        ref var chance = ref exchange.Context.Chance;
        Span<byte> text = stackalloc byte[TraceContext.Length];
        TraceContext.Create(chance.Next(), chance.Next(), chance.Next(), sampled: false).Write(text);
        writer.Field("traceparent"u8, text);
    }

    /// <summary>At an edge the peer's address is the client's, and joins the list of those before it.</summary>
    private static void WriteForwardedFor(ref HeadWriter writer, Exchange exchange)
    {
        if (!exchange.Connection.Chain.Http.UseRemoteAddress) return;
        Span<byte> address = stackalloc byte[64];
        if (exchange.Connection.Remote.Address.TryFormat(address, out var length)) writer.Field("x-forwarded-for"u8, address[..length]);
    }

    private static void WriteText(ref HeadWriter writer, ReadOnlySpan<byte> name, string value)
    {
        Span<byte> utf8 = stackalloc byte[256];
        if (Encoding.ASCII.TryGetBytes(value, utf8, out var length)) writer.Field(name, utf8[..length]);
    }

    private static int SizeOf(in RequestHead head, HeaderMutations edits) => SizeOf(head.Fields, edits);

    private static int SizeOf(in ResponseHead head, HeaderMutations edits) => SizeOf(head.Fields, edits) + head.Reason.Length;

    private static int SizeOf(ReadOnlySpan<HeaderField> fields, HeaderMutations edits)
    {
        var size = 0;
        foreach (ref readonly var field in fields) size += field.NameLength + field.ValueLength + 4;
        foreach (var edit in edits.Edits) size += Math.Max(edit.Lines(true).Length, edit.Lines(false).Length);
        return size;
    }
}

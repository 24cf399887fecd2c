using Weft.Proxy.Buffers;
using Weft.Proxy.Http1;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// Writes HTTP/1 heads anew for the next hop: what <see cref="RequestFields"/> and <see cref="ResponseFields"/> decide, between a start line and one
/// framing of ours. No head is ever copied through as bytes (engine rule 5).
/// </summary>
internal static class Http1Heads
{
    /// <returns>False: the head cannot be written as HTTP/1.1 (an edit or a rewrite made it invalid).</returns>
    public static bool WriteRequest(ref OutputQueue output, Exchange exchange, in Http1BodyFraming framing)
    {
        if (!RequestFields.TryTarget(exchange, out var target)) return false;
        var writer = new Http1FieldWriter(output.Reserve(RequestFields.SizeOf(exchange) + target.Length));
        writer.Head.RequestLine(exchange.Downstream.Head.Method, target);
        writer.Head.Host(RequestFields.Authority(exchange));
        RequestFields.Write(ref writer, exchange);
        var upgrade = exchange.UpgradeProtocol;
        if (!upgrade.IsEmpty) WriteUpgrade(ref writer, exchange, upgrade);
        else if (exchange.Downstream.AcceptsTrailers) writer.Head.TeTrailers();
        framing.WriteFields(ref writer.Head);
        return End(ref output, ref writer);
    }

    /// <returns>False: the response's head cannot be passed on.</returns>
    public static bool WriteResponse(
        ref OutputQueue output, in ResponseHead head, Exchange exchange, in Http1BodyFraming framing, HttpVersion client, bool keepAlive)
    {
        var writer = new Http1FieldWriter(output.Reserve(ResponseFields.SizeOf(head, exchange)));
        writer.Head.StatusLine(head.Status, head.Reason);
        ResponseFields.Write(ref writer, head, exchange);
        framing.WriteFields(ref writer.Head);
        WritePersistence(ref writer.Head, keepAlive, client);
        return End(ref output, ref writer);
    }

    /// <summary>The answer 101 to a request that asked for it.</summary>
    /// <returns>False: the response's head cannot be passed on.</returns>
    public static bool WriteSwitch(ref OutputQueue output, in ResponseHead head, Exchange exchange)
    {
        var writer = new Http1FieldWriter(output.Reserve(ResponseFields.SizeOf(head, exchange)));
        writer.Head.StatusLine(head.Status, head.Reason);
        ResponseFields.Write(ref writer, head, exchange);
        var protocol = exchange.UpgradeProtocol;
        writer.Head.Upgrade(protocol);
        var asked = exchange.Downstream.Head;
        // Who answered over HTTP/2 had no key to answer; the client has given one and waits for it.
        Span<byte> accept = stackalloc byte[WebSocketFields.AcceptLength];
        if (WebSocketFields.IsWebSocket(protocol) && !WebSocketFields.TryFind(head.Buffer, head.Fields, KnownHeader.SecWebsocketAccept, out _)
            && asked.TryGet(KnownHeader.SecWebsocketKey, out var key) && WebSocketFields.TryWriteAccept(key, accept)) writer.Field("sec-websocket-accept"u8, accept);
        return End(ref output, ref writer);
    }

    private static void WriteUpgrade(ref Http1FieldWriter writer, Exchange exchange, ReadOnlySpan<byte> protocol)
    {
        writer.Head.Upgrade(protocol);
        if (!WebSocketFields.IsWebSocket(protocol) || exchange.Downstream.Head.TryGet(KnownHeader.SecWebsocketKey, out _)) return;
        Span<byte> key = stackalloc byte[WebSocketFields.KeyLength];
        exchange.MakeWebSocketKey(key);
        writer.Field("sec-websocket-key"u8, key);
    }

    /// <summary>The answer to a CONNECT that is served (RFC 9110 section 9.3.6): nothing but its head, for what follows is not this message's.</summary>
    public static ReadOnlySpan<byte> Connected => "HTTP/1.1 200 Connection Established\r\n\r\n"u8;

    public static void WriteInterim(ref OutputQueue output, in ResponseHead head, Exchange exchange)
    {
        var writer = new Http1FieldWriter(output.Reserve(ResponseFields.SizeOf(head, exchange)));
        writer.Head.StatusLine(head.Status, head.Reason);
        ResponseFields.WriteInterim(ref writer, head, exchange);
        End(ref output, ref writer);
    }

    public static void WriteLocalReply(ref OutputQueue output, in LocalReply reply, Exchange exchange, bool keepAlive, HttpVersion client, bool withoutBody)
    {
        var writer = new Http1FieldWriter(output.Reserve(ResponseFields.SizeOf(reply, exchange)));
        writer.Head.StatusLine(reply.Status, ReasonPhrases.Of(reply.Status));
        ResponseFields.Write(ref writer, reply, exchange);
        if (reply.Status is not (204 or 304)) writer.Head.ContentLength(reply.Body.Length);
        WritePersistence(ref writer.Head, keepAlive, client);
        End(ref output, ref writer);
        if (!withoutBody) output.Append(reply.Body);
    }

    private static bool End(ref OutputQueue output, ref Http1FieldWriter writer)
    {
        writer.Head.End();
        if (writer.Head.Status != WriteStatus.Ok) return false;
        output.Commit(writer.Head.Written);
        return true;
    }

    private static void WritePersistence(ref HeadWriter writer, bool keepAlive, HttpVersion client)
    {
        if (!keepAlive) writer.ConnectionClose();
        else if (client == HttpVersion.Http10) writer.ConnectionKeepAlive();
    }
}

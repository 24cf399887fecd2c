using System.Text;
using Weft.Grpc;
using Weft.Proxy.Mesh;
using Weft.Routing.Headers;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// What a request says to its next hop, for every protocol: hop-by-hop fields and the mesh's own stay behind, the route's edits and the fields that
/// every request carries come in. The writer adds the protocol's own: where the request goes, and how its body is framed.
/// </summary>
internal static class RequestFields
{
    /// <summary>Room for what we add to a head besides the route's own fields: framing, ids, trace context, forwarding.</summary>
    public const int OwnFieldsBytes = 1024;

    /// <summary>The host that the request names to its next hop.</summary>
    public static ReadOnlySpan<byte> Authority(Exchange exchange) => exchange.HostRewrite.IsEmpty ? exchange.Downstream.Head.Authority : exchange.HostRewrite;

    /// <summary>The path and query after the route's rewrite; valid until the worker's scratch space is used again.</summary>
    /// <returns>False: the rewrite's result is no path.</returns>
    public static bool TryTarget(Exchange exchange, out ReadOnlySpan<byte> target)
    {
        target = exchange.Downstream.Head.Path;
        if (exchange.PathRewrite is not { } rewrite) return true;
        var rewritten = exchange.Context.Scratch(target.Length + rewrite.Replacement.Length + 1);
        var length = rewrite.WriteTo(target, rewritten);
        if (length < 0) return false;
        if (length > 0) target = rewritten[..length];
        return true;
    }

    /// <summary>An upper bound of the fields' bytes as HTTP/1 writes them, the host counted for both places that may have it.</summary>
    public static int SizeOf(Exchange exchange)
    {
        var head = exchange.Downstream.Head;
        return Fields.SizeOf(head.Fields, exchange.RequestHeaders) + (Authority(exchange).Length * 2) + head.Authority.Length
            + new ForwardedFields(exchange.Connection).Size + OwnFieldsBytes;
    }

    public static void Write<TWriter>(ref TWriter writer, Exchange exchange)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        var head = exchange.Downstream.Head;
        var edits = exchange.RequestHeaders;
        var keepCase = exchange.Connection.Chain.Http.PreserveCase;
        var forwarded = new ForwardedFields(exchange.Connection);
        var trace = default(TraceFields);
        ulong seen = 0;
        var hasProto = false;
        var grpcTimeout = exchange.GrpcTimeoutLeft;
        // HTTP/1 with a mesh peer says all this itself, and to HTTP/2 at the far end nothing of it matters.
        var form = exchange.ToMeshPeer && !TWriter.HasCase && exchange.DeliveredVersion != HttpVersion.Http2 ? exchange.Context.Form : null;
        form?.Begin(HttpVersion.Http11);
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known is KnownHeader.Host or KnownHeader.XWeft) continue;
            if (field.Known == KnownHeader.XRequestId) continue; // written below: one, and valid
            if (field.Known == KnownHeader.SecWebsocketKey && !TWriter.HasCase && !exchange.ToMeshPeer) continue; // RFC 8441 section 5
            if (field.HopByHop || !forwarded.Keeps(field.Known) || Fields.Drops(edits, head.Name(field), ref seen) || trace.Takes(field)) continue;
            if (grpcTimeout is not null && Ascii.EqualsIgnoreCase(head.Name(field), "grpc-timeout"u8)) continue; // written below: what is left of it
            hasProto |= field.Known == KnownHeader.XForwardedProto;
            writer.Field(head.Buffer, field, keepCase);
            if (keepCase) form?.Add(head.Buffer, field);
        }
        Fields.WriteAdded(ref writer, edits, seen);
        if (grpcTimeout is { } left) WriteGrpcTimeout(ref writer, left);
        if (exchange.TellsRequestId) writer.Field("x-request-id"u8, exchange.RequestId.Span);
        trace.Write(ref writer, head, exchange.Context, keepCase, form);
        forwarded.Write(ref writer, head, exchange.Context, hasProto);
        if (exchange.AppendForwardedHost && !exchange.HostRewrite.IsEmpty) writer.Field("x-forwarded-host"u8, head.Authority);
        if (exchange.ToMeshPeer) MeshFields.WriteRequest(ref writer, exchange, form);
    }

    private static void WriteGrpcTimeout<TWriter>(ref TWriter writer, TimeSpan left)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        Span<byte> text = stackalloc byte[GrpcTimeout.MaxBytes];
        writer.Field("grpc-timeout"u8, text[..GrpcTimeout.Format(left, text)]);
    }
}

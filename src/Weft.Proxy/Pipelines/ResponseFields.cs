using System.Buffers.Text;
using System.Text;
using Weft.Grpc;
using Weft.Proxy.Mesh;
using Weft.Routing.Headers;
using Weft.Routing.Listeners;
using Weft.Routing.Requests;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <summary>What a response says to the client, for every protocol. The writer adds the protocol's own: the status, and how the body is framed.</summary>
internal static class ResponseFields
{
    /// <summary>An upper bound of the fields' bytes as HTTP/1 writes them.</summary>
    public static int SizeOf(in ResponseHead head, Exchange exchange) =>
        Fields.SizeOf(head.Fields, exchange.ResponseHeaders) + head.Reason.Length + RequestFields.OwnFieldsBytes;

    /// <summary>The fields of a workload's final response.</summary>
    public static void Write<TWriter>(ref TWriter writer, in ResponseHead head, Exchange exchange)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        var edits = exchange.ResponseHeaders;
        var http = exchange.Connection.Chain.Http;
        ulong seen = 0;
        var hasServer = false;
        var form = Form<TWriter>(exchange);
        foreach (ref readonly var field in head.Fields)
        {
            if (field.HopByHop) continue;
            if (field.Known == KnownHeader.SecWebsocketAccept && exchange.Downstream.IsExtendedConnect && !exchange.Connection.IsMesh) continue; // RFC 8441 section 5
            // An application's own x-weft field would be taken for the proxy's word.
            if (field.Known == KnownHeader.XWeft && !(exchange.ToMeshPeer && MeshFields.IsForCallers(head.Name(field)))) continue;
            if (field.Known == KnownHeader.Server)
            {
                hasServer = true;
                if (http.ServerName is not null && http.ServerHeader == ServerHeaderMode.Overwrite) continue;
            }
            if (field.Known == KnownHeader.XRequestId && http.AlwaysSetRequestIdInResponse || Fields.Drops(edits, head.Name(field), ref seen)) continue;
            if (field.Known == KnownHeader.XWeft && head.Value(field).SequenceEqual(Fault.Unprocessed.CodeUtf8()))
            {
                writer.Field(MeshFields.Fault, Fault.ConnectFailure.CodeUtf8()); // the mark is between proxies; to a caller it is a connection that failed
                continue;
            }
            writer.Field(head.Buffer, field, http.PreserveCase);
            if (http.PreserveCase) form?.Add(head.Buffer, field);
        }
        if (http.ServerName is { } server && (http.ServerHeader == ServerHeaderMode.Overwrite || http.ServerHeader == ServerHeaderMode.AppendIfAbsent && !hasServer))
            WriteText(ref writer, "server"u8, server);
        if (http.AlwaysSetRequestIdInResponse) writer.Field("x-request-id"u8, exchange.RequestId.Span);
        if (exchange.IsOverRetryBudget) writer.Field("x-weft-retry"u8, "over-budget"u8);
        Fields.WriteAdded(ref writer, edits, seen);
        if (form is not null) WriteForm(ref writer, form, head);
    }

    /// <summary>The fields of an interim response: its own but those of this hop, no edits.</summary>
    public static void WriteInterim<TWriter>(ref TWriter writer, in ResponseHead head, Exchange exchange)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        var form = Form<TWriter>(exchange);
        foreach (ref readonly var field in head.Fields)
        {
            if (field.HopByHop || field.Known == KnownHeader.XWeft) continue;
            writer.Field(head.Buffer, field, keepCase: true);
            form?.Add(head.Buffer, field);
        }
        if (form is not null) WriteForm(ref writer, form, head);
    }

    /// <summary>An upper bound of a local reply's bytes, its body counted.</summary>
    public static int SizeOf(in LocalReply reply, Exchange exchange) =>
        Fields.SizeOf([], exchange.ResponseHeaders) + reply.Location.Length + reply.Body.Length + reply.GrpcMessage.Length + RequestFields.OwnFieldsBytes;

    /// <summary>The fields of a response that this proxy makes.</summary>
    public static void Write<TWriter>(ref TWriter writer, in LocalReply reply, Exchange exchange)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        if (reply.GrpcStatus is { } status) WriteCallEnd(ref writer, status, reply.GrpcMessage);
        else if (reply.Body.Length > 0) writer.Field("content-type"u8, "text/plain; charset=utf-8"u8);
        if (!reply.Location.IsEmpty) writer.Field("location"u8, reply.Location);
        if (!reply.Fault.IsEmpty)
        {
            writer.Field(MeshFields.Fault, reply.Fault);
            writer.Field(MeshFields.Id, reply.Id);
            // What turned the request away is looked at again within a second.
            if (reply.Fault.SequenceEqual(Fault.Overloaded.CodeUtf8())) writer.Field("retry-after"u8, "1"u8);
        }
        if (exchange.Connection.Chain.Http.AlwaysSetRequestIdInResponse) writer.Field("x-request-id"u8, exchange.RequestId.Span);
        Fields.WriteAdded(ref writer, exchange.ResponseHeaders, 0);
    }

    private static void WriteCallEnd<TWriter>(ref TWriter writer, GrpcStatusCode status, ReadOnlySpan<byte> message)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        Span<byte> digits = stackalloc byte[4];
        Utf8Formatter.TryFormat((int)status, digits, out var length);
        writer.Field("content-type"u8, "application/grpc"u8);
        writer.Field("grpc-status"u8, digits[..length]);
        if (!message.IsEmpty) writer.Field("grpc-message"u8, message);
    }

    /// <summary>Where the caller's proxy is told what its protocol with us cannot say; else null.</summary>
    private static MessageFormBuilder? Form<TWriter>(Exchange exchange)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        if (TWriter.HasCase || !exchange.Connection.IsMesh) return null;
        exchange.Context.Form.Begin(null);
        return exchange.Context.Form;
    }

    private static void WriteForm<TWriter>(ref TWriter writer, MessageFormBuilder form, in ResponseHead head)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        if (!head.Reason.SequenceEqual(ReasonPhrases.Of(head.Status))) form.AddReason(head.Reason);
        MeshFields.WriteForm(ref writer, form);
    }

    private static void WriteText<TWriter>(ref TWriter writer, ReadOnlySpan<byte> name, string value)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        Span<byte> utf8 = stackalloc byte[256];
        if (Encoding.ASCII.TryGetBytes(value, utf8, out var length)) writer.Field(name, utf8[..length]);
    }
}

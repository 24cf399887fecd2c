using System.Buffers.Text;
using System.Text;
using Weft.Grpc;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>What the proxy reads of gRPC: three fields. Messages and their compression pass as any body does.</summary>
internal static class GrpcFields
{
    /// <summary>Whether a request is a gRPC call: <c>application/grpc</c>, alone, with a message format (<c>+proto</c>) or with parameters.
    /// gRPC-Web begins alike and is not: it has its own way to say a status.</summary>
    public static bool IsCall(in RequestHead head)
    {
        if (!head.TryGet(KnownHeader.ContentType, out var type)) return false;
        var grpc = "application/grpc"u8;
        if (type.Length < grpc.Length || !Ascii.EqualsIgnoreCase(type[..grpc.Length], grpc)) return false;
        return type.Length == grpc.Length || type[grpc.Length] is (byte)'+' or (byte)';' or (byte)' ';
    }

    /// <summary>The caller's own time limit. A malformed one is none, as gRPC's servers read it; it goes on as it came.</summary>
    public static TimeSpan? Timeout(in RequestHead head) =>
        head.TryGet("grpc-timeout"u8, out var value) && GrpcTimeout.TryParse(value, out var timeout) ? timeout : null;

    /// <summary><c>grpc-status</c> of a head (a response that is all head, Trailers-Only) or of trailers. A value that is no code of gRPC's reads as
    /// UNKNOWN; null when there is none.</summary>
    public static GrpcStatusCode? Status(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields)
    {
        foreach (ref readonly var field in fields)
        {
            if (field.NameLength != 11 || !Ascii.EqualsIgnoreCase(buffer.Slice(field.NameStart, field.NameLength), "grpc-status"u8)) continue;
            var value = buffer.Slice(field.ValueStart, field.ValueLength);
            var known = Utf8Parser.TryParse(value, out uint code, out var read) && read == value.Length && code <= (uint)GrpcStatusCode.Unauthenticated;
            return known ? (GrpcStatusCode)code : GrpcStatusCode.Unknown;
        }
        return null;
    }
}

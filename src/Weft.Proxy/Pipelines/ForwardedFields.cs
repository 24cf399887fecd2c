using Weft.Proxy.Listening;
using Weft.Routing.Listeners;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// What a request says of the hops that it has passed: <c>x-forwarded-for</c>, <c>-proto</c>, <c>-host</c>, <c>-client-cert</c> and <c>x-envoy-external-address</c>,
/// with Envoy's meaning.
/// </summary>
/// <remarks>
/// An edge (use_remote_address) believes its own sockets and as many proxies in front as it is told of; what a client invented is replaced there. Elsewhere the sender is a
/// proxy, or the workload beside this one that passes on what it was given: the fields stay as they are, and a mesh hop leaves no trace in them. The client's certificate is
/// believed from nobody but the connection itself, unless the listener says otherwise.
/// </remarks>
internal readonly ref struct ForwardedFields
{
    private readonly DownstreamConnection _connection;
    private readonly HttpConnectionManager _http;
    private readonly bool _isEdge;
    private readonly bool _trustsNobody;
    private readonly ClientCertForwarding _clientCert;

    public ForwardedFields(DownstreamConnection connection)
    {
        _connection = connection;
        _http = connection.Chain.Http;
        _isEdge = _http.UseRemoteAddress;
        _trustsNobody = _isEdge && _http.XffNumTrustedHops == 0;
        _clientCert = _http.ForwardClientCert == ClientCertForwarding.AlwaysForwardOnly || connection.HasClientCertificate ? _http.ForwardClientCert : ClientCertForwarding.Sanitize;
    }

    /// <summary>Whether a field goes on as it came. What does not is dropped, or written anew by <see cref="Write"/>.</summary>
    public bool Keeps(KnownHeader known) => known switch
    {
        KnownHeader.XForwardedFor => !_isEdge || _http.SkipXffAppend,
        KnownHeader.XForwardedProto or KnownHeader.XForwardedHost => !_trustsNobody,
        KnownHeader.XForwardedClientCert => _clientCert is ClientCertForwarding.ForwardOnly or ClientCertForwarding.AlwaysForwardOnly,
        KnownHeader.XEnvoyExternalAddress => !_isEdge,
        KnownHeader.XEnvoyInternal => false, // it would say that an edge found the client to be inside; Weft's never does
        _ => true,
    };

    /// <summary>An upper bound of what <see cref="Write"/> adds to the request's own bytes where that is not small.</summary>
    public int Size => _clientCert is ClientCertForwarding.SanitizeSet or ClientCertForwarding.AppendForward ? _connection.ClientCertificate.Length : 0;

    /// <param name="hasProto">A field x-forwarded-proto has been kept.</param>
    public void Write<TWriter>(ref TWriter writer, in RequestHead head, WorkerContext context, bool hasProto)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        if (!hasProto) writer.Field("x-forwarded-proto"u8, _connection.IsApplicationTls ? "https"u8 : head.Scheme); // whatever an HTTP/2 client calls it
        switch (_clientCert)
        {
            case ClientCertForwarding.SanitizeSet:
                writer.Field("x-forwarded-client-cert"u8, _connection.ClientCertificate);
                break;
            case ClientCertForwarding.AppendForward:
                WriteList(ref writer, "x-forwarded-client-cert"u8, KnownHeader.XForwardedClientCert, ","u8, _connection.ClientCertificate, head, context);
                break;
        }
        if (!_isEdge) return;
        Span<byte> text = stackalloc byte[64];
        if (!_connection.Remote.Address.TryFormat(text, out var length)) return;
        ReadOnlySpan<byte> peer = text[..length];
        if (!_http.SkipXffAppend) WriteList(ref writer, "x-forwarded-for"u8, KnownHeader.XForwardedFor, ", "u8, peer, head, context);
        writer.Field("x-envoy-external-address"u8, ClientAddress.TryFind(head, _isEdge, _http.XffNumTrustedHops, out var client) ? client : peer);
    }

    /// <summary>All fields of one name and what we add as one field: a reader that takes the first of several would take the client's invention.</summary>
    private static void WriteList<TWriter>(
        ref TWriter writer, scoped ReadOnlySpan<byte> name, KnownHeader known, scoped ReadOnlySpan<byte> separator, scoped ReadOnlySpan<byte> last, scoped in RequestHead head, WorkerContext context)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        var size = last.Length;
        foreach (ref readonly var field in head.Fields) size += field.Known == known ? field.ValueLength + separator.Length : 0;
        if (size == last.Length)
        {
            writer.Field(name, last);
            return;
        }
        var list = context.Scratch(size);
        var at = 0;
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known != known || field.ValueLength == 0) continue;
            head.Value(field).CopyTo(list[at..]);
            at += field.ValueLength;
            separator.CopyTo(list[at..]);
            at += separator.Length;
        }
        last.CopyTo(list[at..]);
        writer.Field(name, list[..(at + last.Length)]);
    }
}

using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.ProxyProtocol.V3;
using Google.Protobuf;
using Weft.Routing.Listeners;

namespace Weft.Routing.Compile;

/// <summary>envoy…proxy_protocol.v3.ProxyProtocolUpstreamTransport: a PROXY header in front of whatever the socket inside of it speaks.</summary>
internal static class UpstreamProxyCompiler
{
    private static readonly MessageParser<ProxyProtocolUpstreamTransport> Parser = ProxyProtocolUpstreamTransport.Parser.WithDiscardUnknownFields(true);

    /// <param name="socket">Becomes the socket inside.</param>
    /// <param name="at">Becomes its place.</param>
    /// <param name="into">Takes what is wrong.</param>
    /// <returns>The version to write.</returns>
    public static ProxyProtocolVersions Unwrap(ref TransportSocket? socket, ref FieldPath at, Compilation into)
    {
        at = at.Field("typed_config");
        if (into.Unpack(socket!.TypedConfig, Parser, at) is not { } outer) return ProxyProtocolVersions.None;
        at = at.Field("transport_socket");
        socket = outer.TransportSocket;
        if (socket is null) into.Refuse(at, "the socket behind the PROXY header is needed: raw_buffer or TLS");
        return outer.Config?.Version == ProxyProtocolConfig.Types.Version.V2 ? ProxyProtocolVersions.V2 : ProxyProtocolVersions.V1;
    }
}

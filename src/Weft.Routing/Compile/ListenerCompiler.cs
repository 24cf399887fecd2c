using System.Collections.Immutable;
using Google.Protobuf;
using Weft.Routing.Listeners;
using FilterChain = Weft.Routing.Listeners.FilterChain;
using FilterChainMatch = Weft.Routing.Listeners.FilterChainMatch;
using Listener = Weft.Routing.Listeners.Listener;
using ProtoChain = Envoy.Config.Listener.V3.FilterChain;
using ProtoDirection = Envoy.Config.Core.V3.TrafficDirection;
using ProtoListener = Envoy.Config.Listener.V3.Listener;

namespace Weft.Routing.Compile;

/// <summary>Listener to <see cref="Listener"/>, with its filter chains: TLS, and what takes the connection.</summary>
public static class ListenerCompiler
{
    private static readonly MessageParser<ProtoListener> Parser = ProtoListener.Parser.WithDiscardUnknownFields(true);

    public static Compiled<Listener> Compile(ReadOnlySpan<byte> bytes) =>
        Compilation.Run(TypeUrls.Listener, bytes, Parser, m => m.Name, Build);

    public static Compiled<Listener> Compile(ProtoListener message) => Compile(message.ToByteArray());

    private static Listener? Build(ProtoListener message, Compilation into)
    {
        var at = FieldPath.Root;
        if (message.Name.Length == 0) into.Refuse("name", "a name is needed");
        if (message.UseOriginalDst is true) into.Refuse("use_original_dst", "is not supported");
        if (message.Transparent is true) into.Refuse("transparent", "is not supported");
        if (message.Freebind is true) into.Refuse("freebind", "is not supported");
        if (DnsCompiler.IsFor(message)) return Names(message, at, into);
        var filters = ListenerFilterCompiler.Compile(message.ListenerFilters, into);

        var chains = ImmutableArray.CreateBuilder<FilterChain>(message.FilterChains.Count);
        for (var i = 0; i < message.FilterChains.Count; i++)
        {
            if (Chain(message.FilterChains[i], at.Field("filter_chains", i), into) is { } chain) chains.Add(chain);
        }
        var defaultAt = at.Field("default_filter_chain");
        var defaultChain = message.DefaultFilterChain is null ? null : Chain(message.DefaultFilterChain, defaultAt, into);
        if (message.FilterChains.Count == 0 && message.DefaultFilterChain is null) into.Refuse("filter_chains", "at least one filter chain is needed");
        if (!filters.RestoresDestination && chains.Any(c => c.Http?.Routes is RouteSource.Transparent))
            into.Refuse("listener_filters", "weft.v1.transparent needs envoy.filters.listener.original_dst");
        if (chains.Any(c => c.Http?.Routes is RouteSource.Transparent && c.Tls is not null))
            into.Refuse("filter_chains", "weft.v1.transparent ends no TLS: what was redirected is the application's own");
        var address = into.SocketAddress(message.Address, at.Field("address"));
        if (address is null) return null;
        return new Listener
        {
            Name = message.Name,
            Address = address,
            Direction = message.TrafficDirection switch
            {
                ProtoDirection.Inbound => TrafficDirection.Inbound,
                ProtoDirection.Outbound => TrafficDirection.Outbound,
                _ => TrafficDirection.Unspecified,
            },
            AcceptsIpv4 = message.Address.SocketAddress.Ipv4Compat,
            AdditionalAddresses = Additional(message, at, into),
            NetworkNamespace = WeftMetadata.Text(message.Metadata, "network_namespace"),
            RestoresDestination = filters.RestoresDestination,
            ProxyProtocol = filters.ProxyProtocol,
            BindToPort = message.BindToPort is not false,
            ClientKeepalive = SocketOptionCompiler.Keepalive(message.SocketOptions, at, into),
            FilterChains = chains.ToImmutable(),
            DefaultFilterChain = defaultChain,
            PerConnectionBufferLimitBytes = into.Number(
                message.PerConnectionBufferLimitBytes, unset: 1024 * 1024, min: 4096, max: int.MaxValue, at.Field("per_connection_buffer_limit_bytes")),
            DetectionTimeout = into.Limit(message.ListenerFiltersTimeout, TimeSpan.FromSeconds(15), at.Field("listener_filters_timeout")),
            NeedsDetection = chains.Any(c => c.Match.NeedsFirstBytes),
        };
    }

    private static ImmutableArray<ListenAddress> Additional(ProtoListener message, FieldPath at, Compilation into)
    {
        var addresses = ImmutableArray.CreateBuilder<ListenAddress>(message.AdditionalAddresses.Count);
        for (var i = 0; i < message.AdditionalAddresses.Count; i++)
        {
            var address = message.AdditionalAddresses[i].Address;
            if (into.SocketAddress(address, at.Field("additional_addresses", i).Field("address"), orUdp: message.UdpListenerConfig is not null) is { } endPoint)
                addresses.Add(new ListenAddress(endPoint, address.SocketAddress.Ipv4Compat));
        }
        return addresses.ToImmutable();
    }

    /// <summary>A listener for names: TCP is served on the address as well (RFC 7766 section 5).</summary>
    private static Listener? Names(ProtoListener message, FieldPath at, Compilation into)
    {
        var server = DnsCompiler.Compile(message, at, into);
        var address = into.SocketAddress(message.Address, at.Field("address"), orUdp: true);
        return server is null || address is null ? null : new Listener
        {
            Name = message.Name,
            Address = address,
            AcceptsIpv4 = message.Address.SocketAddress.Ipv4Compat,
            AdditionalAddresses = Additional(message, at, into),
            NetworkNamespace = WeftMetadata.Text(message.Metadata, "network_namespace"),
            Direction = TrafficDirection.Outbound,
            BindToPort = message.BindToPort is not false,
            FilterChains = [],
            Dns = server,
        };
    }

    private static FilterChain? Chain(ProtoChain chain, FieldPath at, Compilation into)
    {
        if (chain.UseProxyProto is true) into.Refuse(at.Field("use_proxy_proto"), "is not supported");
        var match = chain.FilterChainMatch is null ? FilterChainMatch.Any : FilterChainMatchCompiler.Compile(chain.FilterChainMatch, at.Field("filter_chain_match"), into);
        var tls = TlsCompiler.Downstream(chain.TransportSocket, at.Field("transport_socket"), into);
        var handshake = into.Limit(chain.TransportSocketConnectTimeout, TimeSpan.FromSeconds(10), at.Field("transport_socket_connect_timeout"));
        var filters = NetworkFilterCompiler.Compile(chain, at, into);
        return filters.Http is null && filters.Bytes is null ? null : new FilterChain
        {
            Name = chain.Name,
            Match = match,
            Tls = tls,
            HandshakeTimeout = handshake,
            Http = filters.Http,
            Bytes = filters.Bytes,
            Access = filters.Access,
            Detection = filters.Detection,
        };
    }
}

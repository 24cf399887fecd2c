using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Data.Dns.V3;
using Envoy.Extensions.Filters.Udp.DnsFilter.V3;
using Google.Protobuf;
using Weft.Routing.Names;
using DnsTable = Weft.Routing.Names.DnsTable;
using ProtoListener = Envoy.Config.Listener.V3.Listener;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;
using ProtoTable = Envoy.Data.Dns.V3.DnsTable;

namespace Weft.Routing.Compile;

/// <summary>The filters of a listener for names (udp_listener_config, envoy.filters.udp.dns_filter) to <see cref="DnsServer"/>.</summary>
internal static class DnsCompiler
{
    private const int Day = 24 * 60 * 60;

    private static readonly MessageParser<DnsFilterConfig> FilterParser = DnsFilterConfig.Parser.WithDiscardUnknownFields(true);

    /// <summary>True for a listener of datagrams, which can be one for names alone.</summary>
    public static bool IsFor(ProtoListener message) =>
        message.UdpListenerConfig is not null || message.Address?.SocketAddress?.Protocol == SocketAddress.Types.Protocol.Udp;

    /// <summary>Null where something is refused.</summary>
    public static DnsServer? Compile(ProtoListener message, FieldPath at, Compilation into)
    {
        if (message.UdpListenerConfig is null) into.Refuse(at.Field("udp_listener_config"), "is needed where the address is one of UDP");
        if (message.Address?.SocketAddress is { Protocol: not SocketAddress.Types.Protocol.Udp })
            into.Refuse(at.Field("address").Field("socket_address").Field("protocol"), "must be UDP where udp_listener_config is set");
        if (message.FilterChains.Count > 0) into.Refuse(at.Field("filter_chains"), "a listener for datagrams has none");
        if (message.DefaultFilterChain is not null) into.Refuse(at.Field("default_filter_chain"), "a listener for datagrams has none");
        Weft.V1.MeshNames? mesh = null;
        FieldPath? meshAt = null, dnsAt = null;
        DnsFilterConfig? dns = null;
        for (var i = 0; i < message.ListenerFilters.Count; i++)
        {
            var filter = message.ListenerFilters[i];
            var filterAt = at.Field("listener_filters", i);
            var type = filter.TypedConfig?.TypeUrl ?? "";
            if (dnsAt is not null) into.Refuse(filterAt, $"{filter.Name} stands behind envoy.filters.udp.dns_filter, which must be last");
            else if (type == TypeUrls.DnsFilter) dns = into.Unpack(filter.TypedConfig!, FilterParser, dnsAt = filterAt.Field("typed_config"));
            else if (type == TypeUrls.MeshNames && meshAt is null) mesh = into.Unpack(filter.TypedConfig!, Weft.V1.MeshNames.Parser, meshAt = filterAt.Field("typed_config"));
            else into.Refuse(filterAt, $"{filter.Name} ({type}) is not supported on a listener for datagrams");
        }
        if (dnsAt is null) into.Refuse(at.Field("listener_filters"), "envoy.filters.udp.dns_filter is needed as the last one");
        if (dns is null) return null;
        var server = Server(dns, dnsAt!, into);
        return mesh is null ? server : WithMesh(server, mesh, meshAt!, into);
    }

    private static DnsServer Server(DnsFilterConfig config, FieldPath at, Compilation into)
    {
        var table = config.ServerConfig?.InlineDnsTable;
        var tableAt = at.Field("server_config").Field("inline_dns_table");
        var retries = into.Number(table?.ExternalRetryCount, unset: 0, min: 0, max: 3, tableAt.Field("external_retry_count"));
        return new DnsServer
        {
            Table = table is null ? DnsTable.Empty : Table(table, tableAt, into),
            Forwarding = config.ClientConfig is { } client ? Forwarding(client, retries, at.Field("client_config"), into) : null,
            MaxPending = MaxPending(config.ClientConfig?.MaxPendingLookups ?? 0, at.Field("client_config").Field("max_pending_lookups"), into),
        };
    }

    /// <param name="written">0: nothing was.</param>
    private static int MaxPending(ulong written, FieldPath at, Compilation into)
    {
        if (written is > 0 and <= 100_000) return (int)written;
        if (written > 0) into.Refuse(at, $"{written} is outside 1 to 100000");
        return new DnsServer().MaxPending;
    }

    private static DnsTable Table(ProtoTable table, FieldPath at, Compilation into)
    {
        var entries = new Dictionary<string, DnsTableEntry>(StringComparer.Ordinal);
        for (var i = 0; i < table.VirtualDomains.Count; i++)
        {
            var domain = table.VirtualDomains[i];
            var domainAt = at.Field("virtual_domains", i);
            var name = domain.Name.TrimEnd('.').ToLowerInvariant();
            if (name.Length is 0 or > 253 || !name.All(char.IsAscii)) into.Refuse(domainAt.Field("name"), $"\"{domain.Name}\" is not a name of 1 to 253 ASCII characters");
            var addressesAt = domainAt.Field("endpoint").Field("address_list");
            if (domain.Endpoint?.AddressList is not { Address.Count: > 0 } list)
            {
                into.Refuse(addressesAt, "at least one address is needed");
                continue;
            }
            var ttl = Seconds(domain.AnswerTtl, TimeSpan.FromSeconds(300), min: 1, domainAt.Field("answer_ttl"), into); // Envoy's default
            if (!entries.TryAdd(name, new DnsTableEntry(Addresses(list, addressesAt, into), ttl))) into.Refuse(domainAt.Field("name"), $"\"{domain.Name}\" stands there twice");
        }
        return new DnsTable(entries);
    }

    private static ImmutableArray<IPAddress> Addresses(ProtoTable.Types.AddressList list, FieldPath at, Compilation into)
    {
        var addresses = ImmutableArray.CreateBuilder<IPAddress>(list.Address.Count);
        for (var i = 0; i < list.Address.Count; i++)
        {
            if (IPAddress.TryParse(list.Address[i], out var address)) addresses.Add(address);
            else into.Refuse(at.Field("address", i), $"\"{list.Address[i]}\" is not an IP address");
        }
        return addresses.ToImmutable();
    }

    private static DnsForwarding Forwarding(DnsFilterConfig.Types.ClientContextConfig client, int retries, FieldPath at, Compilation into)
    {
        var (resolvers, options, resolversAt) = ((IReadOnlyList<Address>)[], (DnsResolverOptions?)null, at);
        if (client.TypedDnsResolverConfig is { } typed)
        {
            // It replaces dns_resolution_config, as Envoy documents.
            var typedAt = at.Field("typed_dns_resolver_config");
            if (typed.TypedConfig?.TypeUrl != TypeUrls.CaresResolver) into.Refuse(typedAt, $"{typed.Name} ({typed.TypedConfig?.TypeUrl}) is not supported");
            else if (into.Unpack(typed.TypedConfig, Envoy.Extensions.Network.DnsResolver.Cares.V3.CaresDnsResolverConfig.Parser, typedAt.Field("typed_config")) is { } cares)
                (resolvers, options, resolversAt) = (cares.Resolvers, cares.DnsResolverOptions, typedAt.Field("typed_config"));
        }
        else if (client.DnsResolutionConfig is { } config) (resolvers, options, resolversAt) = (config.Resolvers, config.DnsResolverOptions, at.Field("dns_resolution_config"));
        var servers = ImmutableArray.CreateBuilder<IPEndPoint>(resolvers.Count);
        for (var i = 0; i < resolvers.Count; i++)
        {
            if (into.SocketAddress(resolvers[i], resolversAt.Field("resolvers", i), orUdp: true) is not { } server) continue;
            if (server.Port == 0) into.Refuse(resolversAt.Field("resolvers", i), "a port other than 0 is needed");
            servers.Add(server);
        }
        var defaults = new DnsForwarding([]);
        return new DnsForwarding(servers.ToImmutable())
        {
            AttemptTimeout = Positive(client.ResolverTimeout, defaults.AttemptTimeout, at.Field("resolver_timeout"), into),
            Attempts = retries == 0 ? defaults.Attempts : retries + 1,
            TcpOnly = options?.UseTcpForDnsLookups ?? false,
        };
    }

    private static DnsServer WithMesh(DnsServer server, Weft.V1.MeshNames config, FieldPath at, Compilation into)
    {
        if (config.DefaultNamespace.Length == 0) into.Refuse(at.Field("default_namespace"), "a namespace is needed");
        var domain = new MeshDomain(
            config.DefaultNamespace.ToLowerInvariant(), Domains(config.DomainSuffixes, at, "domain_suffixes", into), Domains(config.SearchDomains, at, "search_domains", into));
        var cache = server.Cache;
        return new DnsServer
        {
            Table = server.Table,
            Forwarding = server.Forwarding,
            MaxPending = server.MaxPending,
            Mesh = domain with
            {
                LookupTimeout = Positive(config.LookupTimeout, domain.LookupTimeout, at.Field("lookup_timeout"), into),
                AnswerTtl = Seconds(config.AnswerTtl, domain.AnswerTtl, min: 1, at.Field("answer_ttl"), into),
                EndpointTtl = Seconds(config.EndpointTtl, domain.EndpointTtl, min: 1, at.Field("endpoint_ttl"), into),
            },
            Cache = new DnsCacheLimits
            {
                MaxEntries = into.Number(config.CacheEntries, cache.MaxEntries, min: 0, max: 1_000_000, at.Field("cache_entries")),
                MaxBytes = into.Number(config.CacheBytes, cache.MaxBytes, min: 64 * 1024, max: 1024 * 1024 * 1024, at.Field("cache_bytes")),
                MaxTtl = Seconds(config.CacheTtl, cache.MaxTtl, min: 0, at.Field("cache_ttl"), into, max: 7 * Day),
                MaxNegativeTtl = Seconds(config.CacheNegativeTtl, cache.MaxNegativeTtl, min: 0, at.Field("cache_negative_ttl"), into),
            },
            MaxDatagramBytes = into.Number(config.DatagramBytes, server.MaxDatagramBytes, min: 512, max: 4096, at.Field("datagram_bytes")),
            TcpIdleTimeout = Positive(config.TcpIdleTimeout, server.TcpIdleTimeout, at.Field("tcp_idle_timeout"), into),
            TcpPending = into.Number(config.TcpPending, server.TcpPending, min: 1, max: 10_000, at.Field("tcp_pending")),
        };
    }

    private static ImmutableArray<string> Domains(IEnumerable<string> written, FieldPath at, string field, Compilation into)
    {
        var domains = written.Select(d => d.Trim('.').ToLowerInvariant()).ToList();
        for (var i = 0; i < domains.Count; i++)
        {
            if (domains[i].Length == 0) into.Refuse(at.Field(field, i), "a domain is not empty");
        }
        return [.. domains.OrderByDescending(d => d.Length)];
    }

    private static TimeSpan Positive(Google.Protobuf.WellKnownTypes.Duration? value, TimeSpan unset, FieldPath at, Compilation into)
    {
        var time = into.Time(value, unset, at);
        if (time > TimeSpan.Zero) return time;
        into.Refuse(at, "must be more than zero");
        return unset;
    }

    /// <summary>Whole seconds, which is what a time to live has.</summary>
    private static TimeSpan Seconds(Google.Protobuf.WellKnownTypes.Duration? value, TimeSpan unset, int min, FieldPath at, Compilation into, int max = Day)
    {
        var time = TimeSpan.FromSeconds(Math.Floor(into.Time(value, unset, at).TotalSeconds));
        if (time.TotalSeconds >= min && time.TotalSeconds <= max) return time;
        into.Refuse(at, $"{time.TotalSeconds} s is outside {min} s to {max} s");
        return unset;
    }
}

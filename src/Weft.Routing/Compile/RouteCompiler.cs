using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using Weft.Routing.Headers;
using Weft.Routing.Routes;
using Route = Weft.Routing.Routes.Route;
using VirtualHost = Weft.Routing.Routes.VirtualHost;

namespace Weft.Routing.Compile;

/// <summary>RouteConfiguration to <see cref="RouteTable"/>.</summary>
public static class RouteCompiler
{
    private static readonly MessageParser<RouteConfiguration> Parser = RouteConfiguration.Parser.WithDiscardUnknownFields(true);

    public static Compiled<RouteTable> Compile(ReadOnlySpan<byte> bytes) =>
        Compilation.Run(TypeUrls.RouteConfiguration, bytes, Parser, m => m.Name, (m, into) => Build(m, FieldPath.Root, into));

    public static Compiled<RouteTable> Compile(RouteConfiguration message) => Compile(message.ToByteArray());

    /// <summary>Also for the route_config that stands in a listener, at <paramref name="at"/>.</summary>
    internal static RouteTable? Build(RouteConfiguration message, FieldPath at, Compilation into)
    {
        var levels = new HeaderLevels(message.MostSpecificHeaderMutationsWins);
        levels.Table(
            HeaderCompiler.Compile(message.RequestHeadersToAdd, message.RequestHeadersToRemove, "request", at, into),
            HeaderCompiler.Compile(message.ResponseHeadersToAdd, message.ResponseHeadersToRemove, "response", at, into));
        var maxBody = into.Number(
            message.MaxDirectResponseBodySizeBytes, unset: 4096, min: 0, max: 512 * 1024, at.Field("max_direct_response_body_size_bytes"));

        var hosts = ImmutableArray.CreateBuilder<VirtualHost>(message.VirtualHosts.Count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var domains = new HashSet<string>(StringComparer.Ordinal);
        var bytes = new ByteRoutesBuilder();
        for (var i = 0; i < message.VirtualHosts.Count; i++)
        {
            var hostAt = at.Field("virtual_hosts", i);
            var host = message.VirtualHosts[i];
            if (host.Name.Length == 0) into.Refuse(hostAt.Field("name"), "a name is needed");
            else if (!names.Add(host.Name)) into.Refuse(hostAt.Field("name"), $"\"{host.Name}\" names an earlier virtual host");
            CheckDomains(host, domains, hostAt, into);
            hosts.Add(Host(message.Name, host, levels, maxBody, bytes, hostAt, into));
        }
        return into.Failed ? null : new RouteTable(message.Name, hosts.ToImmutable(), message.IgnorePortInHostMatching, bytes.Build(),
            WeftMetadata.Text(message.Metadata, "clients") == "http");
    }

    private static void CheckDomains(Envoy.Config.Route.V3.VirtualHost host, HashSet<string> seen, FieldPath at, Compilation into)
    {
        if (host.Domains.Count == 0) into.Refuse(at.Field("domains"), "at least one domain is needed");
        for (var i = 0; i < host.Domains.Count; i++)
        {
            var domain = host.Domains[i];
            if (domain.Length == 0) into.Refuse(at.Field("domains", i), "a domain is not empty");
            else if (!seen.Add(domain.ToLowerInvariant())) into.Refuse(at.Field("domains", i), $"\"{domain}\" occurs twice in this route configuration");
        }
    }

    /// <param name="bytes">Gets the routes with connect_matcher.</param>
    private static VirtualHost Host(
        string table, Envoy.Config.Route.V3.VirtualHost host, HeaderLevels levels, int maxBody, ByteRoutesBuilder bytes, FieldPath at, Compilation into)
    {
        levels.Host(
            HeaderCompiler.Compile(host.RequestHeadersToAdd, host.RequestHeadersToRemove, "request", at, into),
            HeaderCompiler.Compile(host.ResponseHeadersToAdd, host.ResponseHeadersToRemove, "response", at, into));
        var retry = host.RetryPolicy is null ? null : RetryCompiler.Compile(host.RetryPolicy, at.Field("retry_policy"), into);
        var routes = ImmutableArray.CreateBuilder<Route>(host.Routes.Count);
        for (var i = 0; i < host.Routes.Count; i++)
        {
            var routeAt = at.Field("routes", i);
            var route = host.Routes[i];
            if (route.Match?.ConnectMatcher is not null)
            {
                if (!host.Domains.Contains("*")) into.Refuse(routeAt.Field("match").Field("connect_matcher"), "bytes name no host: it stands in the virtual host of domain *");
                bytes.Add(route.Match, ByteRouteCompiler.Compile(table, route, retry, routeAt, into), routeAt.Field("match"), into);
                continue;
            }
            levels.Route(
                HeaderCompiler.Compile(route.RequestHeadersToAdd, route.RequestHeadersToRemove, "request", routeAt, into),
                HeaderCompiler.Compile(route.ResponseHeadersToAdd, route.ResponseHeadersToRemove, "response", routeAt, into));
            var match = MatchCompiler.Compile(route.Match, routeAt.Field("match"), into);
            var action = RouteActionCompiler.Compile(route, match, retry, levels, maxBody, routeAt, into);
            if (match is null || action is null) continue;
            var (request, response) = levels.Merge();
            routes.Add(new Route { Name = route.Name, Match = match, Action = action, RequestHeaders = request, ResponseHeaders = response });
        }
        return into.Failed ? new VirtualHost(host.Name, [], []) : new VirtualHost(host.Name, [.. host.Domains], routes.ToImmutable());
    }
}

using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Weft.Control.Model;
using Weft.Resources;
using HeaderMatcher = Envoy.Config.Route.V3.HeaderMatcher;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using Route = Envoy.Config.Route.V3.Route;
using StringMatcher = Envoy.Type.Matcher.V3.StringMatcher;

namespace Weft.Control.Translation;

/// <summary>
/// How requests to one service's port travel. One virtual host takes every authority, because the proxy has chosen the configuration by the
/// service that was called; its routes stand in Gateway API's order, so that the first that matches is the right one, and what none takes is
/// answered 404. A port without HTTPRoute sends everything to its own cluster.
/// A port of bytes has routes that end CONNECT and pass on what it carries, by server name and otherwise; one that nobody has declared has both sorts, and detection decides.
/// </summary>
internal static class RouteTranslation
{
    /// <param name="name">The name that was asked for, which may be an alias of the port's own.</param>
    /// <param name="port">The port that is called.</param>
    /// <param name="table">Its rules; null when it has none.</param>
    /// <param name="rulesNamespace">Whose rules hold for the caller.</param>
    /// <param name="bytes">Where its connections go; null: only requests are carried, or understood.</param>
    /// <param name="clientsSpeakHttp">What others have found out of a port that carries both.</param>
    /// <param name="settings">Defaults of the mesh.</param>
    public static RouteConfiguration Of(ServicePortKey name, MeshServicePort port, MeshRouteTable? table, string rulesNamespace, ByteRules? bytes, bool clientsSpeakHttp, MeshSettings settings)
    {
        var host = new VirtualHost { Name = name.ToString(), Domains = { "*" } };
        if (bytes is not null) host.Routes.Add(ByteTranslation.ConnectRoutes(port, bytes, settings.Defaults));
        if (bytes is null || port.CarriesHttp)
        {
            var entries = table?.Entries(rulesNamespace) ?? [];
            if (entries.IsEmpty) host.Routes.Add(Default(port, settings.Defaults));
            foreach (var entry in entries) host.Routes.Add(Routes(entry, name.Port, settings.Defaults));
        }
        // A backend's own header changes come after its rule's, so that the narrower one has the last word.
        var configuration = new RouteConfiguration { Name = name.ToString(), VirtualHosts = { host }, MostSpecificHeaderMutationsWins = true };
        if (clientsSpeakHttp) configuration.Metadata = EnvoyParts.WeftMetadata((XdsNames.Clients, Google.Protobuf.WellKnownTypes.Value.ForString("http")));
        return configuration;
    }

    private static Route Default(MeshServicePort port, MeshDefaults defaults) => new()
    {
        Name = "default",
        Match = new RouteMatch { Prefix = "/" },
        Route_ = new RouteAction { Cluster = port.Key.ToString(), Timeout = EnvoyParts.Time(defaults.RequestTimeout), RetryPolicy = Retries(null, defaults) },
    };

    private static IEnumerable<Route> Routes(MeshRouteEntry entry, int calledPort, MeshDefaults defaults)
    {
        var rule = entry.Rule;
        var redirect = rule.Source.Filters.OfType<RedirectFilter>().FirstOrDefault();
        var rewrite = rule.Source.Filters.OfType<RewriteFilter>().FirstOrDefault();
        // A redirect's whole new path has a field of its own.
        var change = rewrite?.Path ?? (redirect?.Path is { ReplacesPrefix: true } prefix ? prefix : null);
        foreach (var path in PathTranslation.Of(entry.Match, change))
        {
            var route = new Route { Name = rule.Name, Match = path.Match };
            AddConditions(route.Match, entry.Match);
            if (rule.Unsupported.Length > 0)
            {
                // Its header changes are left out as well: they may be what cannot be done.
                Fail(route, $"this version of Weft cannot do: {rule.Unsupported}");
                yield return route;
                continue;
            }
            HeaderTranslation.Apply(rule.Source.Filters, route.RequestHeadersToAdd, route.RequestHeadersToRemove, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove);
            if (redirect is not null) route.Redirect = RedirectTranslation.Of(redirect, path.Replacement, calledPort);
            else if (BackendTranslation.Of(rule) is { } action) route.Route_ = Forward(action, rule.Source, rewrite, path.Replacement, defaults);
            else Fail(route, "the route that took this request has no backend that exists");
            yield return route;
        }
    }

    private static RouteAction Forward(RouteAction action, HttpRouteRule rule, RewriteFilter? rewrite, string replacement, MeshDefaults defaults)
    {
        action.Timeout = EnvoyParts.Time(rule.RequestTimeout?.Value ?? defaults.RequestTimeout);
        action.RetryPolicy = Retries(rule.BackendRequestTimeout, defaults);
        action.PrefixRewrite = replacement;
        if (rewrite?.Hostname is { } host) action.HostRewriteLiteral = host;
        return action;
    }

    /// <summary>Weft's default, written out: only what is proven unprocessed goes to another endpoint. <c>reset</c> is Envoy's word for a broken
    /// connection; the proxy applies it to idempotent requests alone.</summary>
    private static RetryPolicy Retries(GatewayDuration? perTry, MeshDefaults defaults)
    {
        // Only what is proven unprocessed: `reset` would also repeat what an instance was working on when it died.
        var policy = new RetryPolicy { RetryOn = "connect-failure,refused-stream,reset-before-request", NumRetries = (uint)defaults.Retries };
        if (perTry is { Value.Ticks: > 0 } limit) policy.PerTryTimeout = EnvoyParts.Time(limit.Value);
        return policy;
    }

    private static void AddConditions(RouteMatch match, HttpRouteMatch conditions)
    {
        if (conditions.Method.Length > 0) match.Headers.Add(new HeaderMatcher { Name = ":method", StringMatch = new StringMatcher { Exact = conditions.Method } });
        foreach (var header in conditions.Headers) match.Headers.Add(new HeaderMatcher { Name = header.Name, StringMatch = Value(header) });
        foreach (var query in conditions.QueryParams) match.QueryParameters.Add(new QueryParameterMatcher { Name = query.Name, StringMatch = Value(query) });
    }

    private static StringMatcher Value(ValueMatch match) =>
        match.IsExpression ? new StringMatcher { SafeRegex = new Envoy.Type.Matcher.V3.RegexMatcher { Regex = match.Value } } : new StringMatcher { Exact = match.Value };

    /// <summary>500, as Gateway API asks of a rule that cannot be carried out; the fault header names the reason as the proxy's own answers do.</summary>
    private static void Fail(Route route, string why)
    {
        route.DirectResponse = new DirectResponseAction { Status = 500, Body = new DataSource { InlineString = $"{XdsNames.InvalidBackendCluster}: {why}\n" } };
        route.ResponseHeadersToAdd.Add(new HeaderValueOption
        {
            Header = new HeaderValue { Key = "x-weft-fault", Value = XdsNames.InvalidBackendCluster },
            AppendAction = HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd,
        });
    }
}

using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>A route of whole connections, which nobody looks into: a TCPRoute or a TLSRoute. It has one rule, because there is nothing to choose a second one by.</summary>
public abstract class ConnectionRoute : RouteObject
{
    private protected ConnectionRoute(ResourceKind kind, JsonObject json) : base(kind, json)
    {
        var rule = json.Object("spec").List("rules", r => r).FirstOrDefault() ?? [];
        RuleName = rule.Text("name") ?? "";
        BackendRefs = rule.List("backendRefs", BackendRef.From);
    }

    /// <summary>Name of the rule; may be empty.</summary>
    public string RuleName { get; }

    public ImmutableArray<BackendRef> BackendRefs { get; }
}

/// <summary>gateway.networking.k8s.io/v1 TCPRoute: where the connections to a Service go.</summary>
public sealed class TcpRoute : ConnectionRoute
{
    internal TcpRoute(JsonObject json) : base(ResourceKinds.TcpRoute, json)
    {
    }
}

/// <summary>gateway.networking.k8s.io/v1 TLSRoute: where the TLS connections to a Service go, by the server name that they ask for. TLS itself passes through.</summary>
public sealed class TlsRoute : ConnectionRoute
{
    internal TlsRoute(JsonObject json) : base(ResourceKinds.TlsRoute, json) => Hostnames = json.Object("spec").TextList("hostnames");

    /// <summary>Server names (SNI) that it takes, the first label may be <c>*</c>; empty takes every one, and connections without.</summary>
    public ImmutableArray<string> Hostnames { get; }
}

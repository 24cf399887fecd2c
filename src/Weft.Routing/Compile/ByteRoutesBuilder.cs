using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Weft.Routing.Matching;
using Weft.Routing.Tcp;

namespace Weft.Routing.Compile;

/// <summary>The routes of one RouteConfiguration whose match is <c>connect_matcher</c>, in the order written.</summary>
/// <remarks>
/// The server name of a connection is matched as <c>dynamic_metadata</c>: it is a fact of the connection that routes are chosen by, and a client of xDS that does not know this fact takes such
/// a route never, instead of for everything. Virtual hosts by name would say something else: their domains are compared with the authority of the CONNECT, which is the service.
/// </remarks>
internal sealed class ByteRoutesBuilder
{
    public const string MetadataFilter = "weft.dev";
    public const string ServerNameKey = "requested_server_name";

    private readonly ImmutableArray<NamedByteRoute>.Builder _named = ImmutableArray.CreateBuilder<NamedByteRoute>();
    private ByteRoute? _any;
    private bool _sawAny;

    /// <summary>Null when there is none.</summary>
    public ByteRoutes? Build() => _named.Count == 0 && _any is null ? null : new ByteRoutes(_named.ToImmutable(), _any);

    /// <param name="route">What <paramref name="match"/> leads to; null when it was refused.</param>
    public void Add(RouteMatch match, ByteRoute? route, FieldPath at, Compilation into)
    {
        if (_sawAny)
        {
            into.Refuse(at.Field("connect_matcher"), "an earlier route of this configuration has it, and takes the bytes of every connection");
            return;
        }
        if (match.DynamicMetadata.Count == 0)
        {
            (_any, _sawAny) = (route, true);
            return;
        }
        if (ServerName(match, at.Field("dynamic_metadata"), into) is { } name && route is not null) _named.Add(new NamedByteRoute(name, route));
    }

    private static StringMatcher? ServerName(RouteMatch match, FieldPath at, Compilation into)
    {
        if (match.DynamicMetadata is [{ Filter: MetadataFilter, Path: [{ Key: ServerNameKey }], Invert: false, Value.StringMatch: { } text }]) return MatchCompiler.Text(text, at, into);
        into.Refuse(at, $"of a connection one fact is known, which a string_match may ask for: filter {MetadataFilter}, path {ServerNameKey}");
        return null;
    }
}

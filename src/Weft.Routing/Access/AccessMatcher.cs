using System.Collections.Immutable;
using System.Net;
using Weft.Routing.Matching;

namespace Weft.Routing.Access;

/// <summary>
/// One condition of an access rule: what is done (envoy.config.rbac.v3.Permission) or who does it (Principal). Both are the same trees over the same facts. Immutable and pure.
/// Closed: the cases below.
/// </summary>
public abstract record AccessMatcher
{
    private AccessMatcher() { }

    /// <summary>True for every connection (<c>any</c>).</summary>
    public static AccessMatcher Any { get; } = new All([]);

    /// <summary>A condition on a request (<c>header</c>, <c>url_path</c>): a connection has none, so it never holds, and its negation always does, as with Envoy.</summary>
    public static AccessMatcher OfRequest { get; } = new OneOf([]);

    public abstract bool Matches(AccessFacts connection);

    /// <summary>Every one of several holds (<c>and_rules</c>, <c>and_ids</c>).</summary>
    public sealed record All(ImmutableArray<AccessMatcher> Of) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection)
        {
            foreach (var matcher in Of)
            {
                if (!matcher.Matches(connection)) return false;
            }
            return true;
        }
    }

    /// <summary>One of several holds (<c>or_rules</c>, <c>or_ids</c>).</summary>
    public sealed record OneOf(ImmutableArray<AccessMatcher> Of) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection)
        {
            foreach (var matcher in Of)
            {
                if (matcher.Matches(connection)) return true;
            }
            return false;
        }
    }

    /// <summary>Another one does not hold (<c>not_rule</c>, <c>not_id</c>).</summary>
    public sealed record Not(AccessMatcher Inner) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => !Inner.Matches(connection);
    }

    /// <summary>The destination's address lies in a range.</summary>
    public sealed record DestinationIp(IPNetwork Range) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => Range.Contains(connection.Destination.Address);
    }

    /// <summary>The destination's port lies from Start (included) to End (excluded).</summary>
    public sealed record DestinationPort(int Start, int End) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => connection.Destination.Port >= Start && connection.Destination.Port < End;
    }

    /// <summary>The server name that the client asked for; without one the empty text is compared.</summary>
    public sealed record ServerName(StringMatcher Name) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => Name.Matches(connection.ServerNameUtf8);
    }

    /// <summary>The client has proved who it is, by a certificate of which one name matches; null: whoever it is.</summary>
    /// <remarks>Envoy takes every TLS client for authenticated when no name is asked for, also one without a certificate, against the word of its documentation; here a rule that asks
    /// for proof gets proof.</remarks>
    public sealed record Authenticated(StringMatcher? Name) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => connection.Peer is { } peer && (Name is null || peer.AnyMatches(Name));
    }

    /// <summary>The TCP connection's other end lies in a range.</summary>
    public sealed record DirectRemoteIp(IPNetwork Range) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => Range.Contains(connection.DirectRemote);
    }

    /// <summary>The client's address, as a trusted PROXY header may have told it, lies in a range (<c>remote_ip</c>, and <c>source_ip</c>, its older name).</summary>
    public sealed record RemoteIp(IPNetwork Range) : AccessMatcher
    {
        public override bool Matches(AccessFacts connection) => Range.Contains(connection.Remote);
    }
}

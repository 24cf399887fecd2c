using System.Collections.Immutable;
using Envoy.Config.Rbac.V3;
using Google.Protobuf.Collections;
using Weft.Routing.Access;
using PermissionRule = Envoy.Config.Rbac.V3.Permission.RuleOneofCase;
using PrincipalIdentifier = Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase;
using ProtoAction = Envoy.Config.Rbac.V3.RBAC.Types.Action;

namespace Weft.Routing.Compile;

/// <summary>envoy.config.rbac.v3.RBAC to <see cref="AccessRules"/>. What a rule of Envoy's must have (its validation rules) is asked for here too.</summary>
internal static class AccessCompiler
{
    public static AccessRules Compile(RBAC message, FieldPath at, Compilation into)
    {
        if (message.Action is not (ProtoAction.Allow or ProtoAction.Deny or ProtoAction.Log)) into.Refuse(at.Field("action"), $"{(int)message.Action} is not ALLOW, DENY or LOG");
        var policies = ImmutableArray.CreateBuilder<AccessPolicy>(message.Policies.Count);
        foreach (var (name, policy) in message.Policies.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            var policyAt = at.Field($"policies[{name}]");
            var permissions = OneOf(policy.Permissions, Permission, policyAt, "permissions", into);
            var principals = OneOf(policy.Principals, Principal, policyAt, "principals", into);
            if (permissions is not null && principals is not null) policies.Add(new AccessPolicy(name, permissions, principals));
        }
        return new AccessRules((AccessAction)message.Action, policies.ToImmutable());
    }

    private static AccessMatcher? Permission(Permission permission, FieldPath at, Compilation into)
    {
        switch (permission.RuleCase)
        {
            case PermissionRule.AndRules: return All(permission.AndRules.Rules, Permission, at.Field("and_rules"), "rules", into);
            case PermissionRule.OrRules: return OneOf(permission.OrRules.Rules, Permission, at.Field("or_rules"), "rules", into);
            case PermissionRule.NotRule: return Not(Permission(permission.NotRule, at.Field("not_rule"), into));
            case PermissionRule.Any: return Any(permission.Any, at, into);
            case PermissionRule.Header: return OfRequest(MatchCompiler.Header(permission.Header, at.Field("header"), into));
            case PermissionRule.UrlPath: return OfRequest(MatchCompiler.Text(permission.UrlPath.Path ?? new(), at.Field("url_path").Field("path"), into));
            case PermissionRule.DestinationIp: return into.Prefix(permission.DestinationIp, at.Field("destination_ip")) is { } range ? new AccessMatcher.DestinationIp(range) : null;
            case PermissionRule.DestinationPort:
                var port = into.Number(permission.DestinationPort, unset: 0, min: 0, max: ushort.MaxValue, at.Field("destination_port"));
                return new AccessMatcher.DestinationPort(port, port + 1);
            case PermissionRule.DestinationPortRange:
                var (start, end) = (permission.DestinationPortRange.Start, permission.DestinationPortRange.End);
                if (start < 0 || start >= end || end > ushort.MaxValue + 1) into.Refuse(at.Field("destination_port_range"), $"{start} to {end} is not a range of ports: 0 <= start < end <= 65536");
                return new AccessMatcher.DestinationPort(start, end);
            case PermissionRule.RequestedServerName:
                return MatchCompiler.Text(permission.RequestedServerName, at.Field("requested_server_name"), into) is { } name ? new AccessMatcher.ServerName(name) : null;
            default:
                if (permission.RuleCase == PermissionRule.None) into.Refuse(at, "a rule is needed; any: true is the one that matches everything");
                return null; // the others stand on the refused list
        }
    }

    private static AccessMatcher? Principal(Principal principal, FieldPath at, Compilation into)
    {
        switch (principal.IdentifierCase)
        {
            case PrincipalIdentifier.AndIds: return All(principal.AndIds.Ids, Principal, at.Field("and_ids"), "ids", into);
            case PrincipalIdentifier.OrIds: return OneOf(principal.OrIds.Ids, Principal, at.Field("or_ids"), "ids", into);
            case PrincipalIdentifier.NotId: return Not(Principal(principal.NotId, at.Field("not_id"), into));
            case PrincipalIdentifier.Any: return Any(principal.Any, at, into);
            case PrincipalIdentifier.Header: return OfRequest(MatchCompiler.Header(principal.Header, at.Field("header"), into));
            case PrincipalIdentifier.UrlPath: return OfRequest(MatchCompiler.Text(principal.UrlPath.Path ?? new(), at.Field("url_path").Field("path"), into));
            case PrincipalIdentifier.SourceIp: return into.Prefix(principal.SourceIp, at.Field("source_ip")) is { } source ? new AccessMatcher.RemoteIp(source) : null;
            case PrincipalIdentifier.RemoteIp: return into.Prefix(principal.RemoteIp, at.Field("remote_ip")) is { } remote ? new AccessMatcher.RemoteIp(remote) : null;
            case PrincipalIdentifier.DirectRemoteIp: return into.Prefix(principal.DirectRemoteIp, at.Field("direct_remote_ip")) is { } direct ? new AccessMatcher.DirectRemoteIp(direct) : null;
            case PrincipalIdentifier.Authenticated:
                if (principal.Authenticated.PrincipalName is not { } wanted) return new AccessMatcher.Authenticated(Name: null);
                return MatchCompiler.Text(wanted, at.Field("authenticated").Field("principal_name"), into) is { } name ? new AccessMatcher.Authenticated(name) : null;
            default:
                if (principal.IdentifierCase == PrincipalIdentifier.None) into.Refuse(at, "an identifier is needed; any: true is the one that matches everyone");
                return null; // the others stand on the refused list
        }
    }

    private static AccessMatcher? All<T>(RepeatedField<T> parts, Func<T, FieldPath, Compilation, AccessMatcher?> one, FieldPath at, string name, Compilation into) =>
        Each(parts, one, at, name, into) is { } all ? new AccessMatcher.All(all) : null;

    private static AccessMatcher? OneOf<T>(RepeatedField<T> parts, Func<T, FieldPath, Compilation, AccessMatcher?> one, FieldPath at, string name, Compilation into) =>
        Each(parts, one, at, name, into) is not { } all ? null : all.Length == 1 ? all[0] : new AccessMatcher.OneOf(all);

    /// <summary>Null when one is refused: a list that lacks a condition must not be used, it would match more (all) or less (one of) than was written.</summary>
    private static ImmutableArray<AccessMatcher>? Each<T>(RepeatedField<T> parts, Func<T, FieldPath, Compilation, AccessMatcher?> one, FieldPath at, string name, Compilation into)
    {
        if (parts.Count == 0) into.Refuse(at.Field(name), "at least one is needed");
        var all = ImmutableArray.CreateBuilder<AccessMatcher>(parts.Count);
        for (var i = 0; i < parts.Count; i++)
        {
            if (one(parts[i], at.Field(name, i), into) is { } matcher) all.Add(matcher);
        }
        return all.Count == parts.Count && all.Count > 0 ? all.MoveToImmutable() : null;
    }

    private static AccessMatcher.Not? Not(AccessMatcher? inner) => inner is null ? null : new AccessMatcher.Not(inner);

    private static AccessMatcher? Any(bool any, FieldPath at, Compilation into)
    {
        if (any) return AccessMatcher.Any;
        into.Refuse(at.Field("any"), "can only be true");
        return null;
    }

    /// <summary>Checked, so that a mistake in it is told; what it compares with is the request's, which a connection does not have.</summary>
    private static AccessMatcher? OfRequest(object? compiled) => compiled is null ? null : AccessMatcher.OfRequest;
}

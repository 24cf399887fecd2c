using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Where a Service's addresses come from.</summary>
internal interface IServiceAddresses
{
    /// <summary>Why the address that somebody wrote cannot be given; null when it can, and then it is taken.</summary>
    string? Refusal(IPAddress address);

    /// <summary>Takes a free address for <paramref name="owner"/>, <c>namespace/name</c>.</summary>
    IPAddress Give(AddressFamily family, string owner);
}

/// <summary>
/// The address fields of a Service, <c>clusterIP</c>, <c>clusterIPs</c>, <c>ipFamilies</c> and <c>ipFamilyPolicy</c>, as Kubernetes' API server fills and guards them: a new Service
/// gets an address of each family that it asks for (one, IPv4, when it does not say), <c>None</c> stays None, an address that is written is honoured, and what is given is fixed.
/// </summary>
internal static class ServiceAddressing
{
    private const string Address = "clusterIP", Addresses = "clusterIPs", Families = "ipFamilies", Policy = "ipFamilyPolicy";
    private const string SingleStack = "SingleStack", RequireDualStack = "RequireDualStack", V4 = "IPv4", V6 = "IPv6";

    /// <summary>Who writes a Service and does not speak of its addresses leaves them as they are.</summary>
    public static void Carry(JsonObject before, JsonObject after)
    {
        if (before["spec"] is not JsonObject old || after["spec"] is not JsonObject spec || IsExternalName(old) || IsExternalName(spec)) return;
        var written = Written(spec);
        if (written.Count == 0 || (spec[Addresses] is null && written[0] == Written(old).FirstOrDefault())) Take(old, spec, Address, Addresses);
        Take(old, spec, [.. new[] { Families, Policy }.Where(f => spec[f] is null)]);
    }

    /// <summary>Gives the Service what it is to have.</summary>
    /// <param name="before">As it is stored; null for a new one.</param>
    /// <param name="service">As it is to be; changed in place.</param>
    /// <param name="source">Where addresses come from.</param>
    /// <exception cref="ApiException">Invalid, with the field; or what <paramref name="source"/> throws.</exception>
    public static void Complete(Service? before, JsonObject service, IServiceAddresses source)
    {
        if (service["spec"] is not JsonObject spec) return;
        var refuse = new Refusals(service);
        var written = Written(spec);
        var old = before is null or { IsExternalName: true } ? [] : before.IsHeadless ? [Service.None] : before.VirtualAddresses.ToList();
        if (IsExternalName(spec))
        {
            // What it had as a Service of another type goes; what somebody writes is a mistake.
            if (written.Count > 0 && !written.SequenceEqual(old)) throw refuse.Because(DiagnosticRule.Contradiction, Address, "a Service of type ExternalName has no address of its own", "remove it");
            foreach (var field in new[] { Address, Addresses, Families, Policy }) spec.Remove(field);
            return;
        }
        if ((string?)spec[Address] is { Length: > 0 } one && spec[Addresses] is JsonArray { Count: > 0 } many && (string?)many[0] != one)
            throw refuse.Because(DiagnosticRule.Contradiction, Addresses, $"the first of clusterIPs is clusterIP, {one}", $"write clusterIPs: [{one}], or leave them out");
        for (var i = 0; i < Math.Min(written.Count, old.Count); i++)
        {
            if (!Same(written[i], old[i]))
                throw refuse.Because(DiagnosticRule.Immutable, i == 0 ? Address : Addresses, $"the address is {old[i]} for as long as the Service lives, not {written[i]}", "leave it out, or delete the Service and create it anew");
        }
        if (written.Contains(Service.None))
        {
            if (written.Count > 1) throw refuse.Because(DiagnosticRule.Contradiction, Addresses, "a Service whose address is None has no second one", "write clusterIP: None alone");
            var told = Texts(spec, Families);
            Set(spec, written, told.Count > 0 ? told : [V4], (string?)spec[Policy] ?? (told.Count > 1 ? RequireDualStack : SingleStack));
            return;
        }
        var (families, policy) = Wanted(spec, written, old, refuse);
        Set(spec, [.. families.Select((family, i) => AddressOf(family, written.ElementAtOrDefault(i), old, service, source, refuse))], families, policy);
    }

    /// <summary>Which families the Service is to have addresses of, and under which policy.</summary>
    private static (List<string> Families, string Policy) Wanted(JsonObject spec, List<string> written, List<string> old, Refusals refuse)
    {
        var told = Texts(spec, Families);
        var policy = (string?)spec[Policy] ?? (told.Count > 1 || written.Count > 1 ? RequireDualStack : SingleStack);
        var first = told.Count > 0 ? told[0] : written.Count > 0 ? FamilyOf(written[0]) : V4;
        if (old.Count > 0 && FamilyOf(old[0]) != first)
            throw refuse.Because(DiagnosticRule.Immutable, Families, $"the first family is {FamilyOf(old[0])} for as long as the Service lives", "leave it out, or delete the Service and create it anew");
        if (policy != SingleStack) return ([first, first == V4 ? V6 : V4], policy);
        // Of a Service that gives up its second family the fields still name both.
        if ((told.Count > 1 || written.Count > 1) && old.Count < 2)
            throw refuse.Because(DiagnosticRule.Contradiction, Policy, "SingleStack is one family, and two are written", "write PreferDualStack, or keep one family");
        return ([first], policy);
    }

    private static string AddressOf(string family, string? written, List<string> old, JsonObject service, IServiceAddresses source, Refusals refuse)
    {
        if (old.Find(a => FamilyOf(a) == family) is { } kept) return kept;
        if (written is null)
            return source.Give(family == V4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, $"{service["metadata"]!["namespace"]}/{service["metadata"]!["name"]}").ToString();
        if (FamilyOf(written) != family)
            throw refuse.Because(DiagnosticRule.Contradiction, Addresses, $"{written} stands in the place of an {family} address", "order clusterIPs as ipFamilies are");
        var address = IPAddress.Parse(written);
        if (source.Refusal(address) is { } why) throw refuse.Because(DiagnosticRule.Unavailable, Address, why, "leave it out, and the Service is given a free one");
        return address.ToString();
    }

    private static void Set(JsonObject spec, List<string> addresses, List<string> families, string policy)
    {
        spec[Address] = addresses[0];
        spec[Addresses] = new JsonArray([.. addresses.Select(a => JsonValue.Create(a))]);
        spec[Families] = new JsonArray([.. families.Select(f => JsonValue.Create(f))]);
        spec[Policy] = policy;
    }

    /// <summary>The addresses that a document names: <c>clusterIPs</c>, or <c>clusterIP</c> alone. Empty text is none.</summary>
    private static List<string> Written(JsonObject spec)
    {
        var many = Texts(spec, Addresses);
        if (many.Count > 0) return many;
        return (string?)spec[Address] is { Length: > 0 } one ? [one] : [];
    }

    private static List<string> Texts(JsonObject spec, string field) =>
        spec[field] is JsonArray array ? [.. array.Select(n => (string?)n ?? "").Where(t => t.Length > 0)] : [];

    private static void Take(JsonObject from, JsonObject to, params ReadOnlySpan<string> fields)
    {
        foreach (var field in fields)
            if (from[field] is { } value) to[field] = value.DeepClone();
    }

    private static bool IsExternalName(JsonObject spec) => (string?)spec["type"] == "ExternalName";

    private static bool Same(string a, string b) => a == b || (IPAddress.TryParse(a, out var x) && IPAddress.TryParse(b, out var y) && x.Equals(y));

    private static string FamilyOf(string address) => address.Contains(':', StringComparison.Ordinal) ? V6 : V4;

    /// <summary>Refusals in the form in which validation's are told.</summary>
    private readonly struct Refusals(JsonObject service)
    {
        public ApiException Because(DiagnosticRule rule, string field, string message, string fix)
        {
            var kind = ResourceKinds.Service;
            var (ns, name) = ((string)service["metadata"]!["namespace"]!, (string)service["metadata"]!["name"]!);
            var key = new ResourceKey(kind.Group, kind.Kind, ns, name);
            return new ApiException(ApiStatus.Invalid(kind, name, [new Diagnostic(rule.Code, Severity.Error, key.ToString(), $"spec.{field}", "resource API", 0, 0, message, fix)]));
        }
    }
}

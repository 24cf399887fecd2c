using System.Net;
using Weft.Routing.Compile;
using Weft.Routing.Names;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Names and addresses of services. They refer to nothing, so they are in use at once. A service that is known by its name is known by its virtual addresses too: a client that has resolved a
/// name and connects must not wait for a second question, least of all while the control plane is away.
/// </summary>
internal sealed partial class ConfigAssembler
{
    private void SetName(XdsResource resource, Compiled<MeshService> compiled, UpdateTicket ticket)
    {
        _unknownFields += compiled.UnknownFields;
        if (!compiled.Ok)
        {
            Refuse(XdsType.Name, resource, ticket, string.Join("; ", compiled.Rejections.Select(r => r.Field.Length == 0 ? r.Message : $"{r.Field}: {r.Message}")));
            return;
        }
        var service = compiled.Value;
        if (resource.Name != service.Key && !(IPAddress.TryParse(resource.Name, out var address) && service.Addresses.Contains(address)))
        {
            Refuse(XdsType.Name, resource, ticket, $"the resource inside is the service \"{service.Key}\", which has no such address");
            return;
        }
        var slot = _names.GetOrAdd(resource.Name);
        var before = slot.Active;
        (slot.Active, slot.Absent) = (service, false);
        _wantedNames.MarkPresent(resource.Name);
        PublishName(resource.Name);
        PublishAddressesOf(before, resource.Name);
        PublishAddressesOf(service, resource.Name);
        _history.Accepted(XdsType.Name, resource);
    }

    private void RemoveName(string name)
    {
        var before = _names.Find(name)?.Active;
        MarkAbsent(_names, name);
        _history.Absent(XdsType.Name, name);
        _wantedNames.MarkAbsent(name);
        PublishName(name);
        PublishAddressesOf(before, name);
    }

    private void ForgetName(string name)
    {
        var before = _names.Find(name)?.Active;
        Forget(_names, name);
        PublishName(name);
        PublishAddressesOf(before, name);
    }

    private void PublishAddressesOf(MeshService? service, string name)
    {
        if (service is null or { IsHeadless: true } || service.Key != name) return;
        foreach (var address in service.Addresses) PublishName(address.ToString());
    }

    /// <summary>What was said of the name itself, else what follows from a service's name for one of its addresses.</summary>
    private void PublishName(string name)
    {
        var slot = _names.Find(name);
        NameEntry? entry = slot?.Active is { } own ? new NameEntry(own) : OwnerOf(name) is { } owner ? new NameEntry(owner) : slot is { Absent: true } ? NameEntry.Absent : null;
        _next = With(names: _next.Names.With(name, entry));
    }

    private MeshService? OwnerOf(string address) => !IPAddress.TryParse(address, out var parsed) ? null
        : _names.All.FirstOrDefault(s => s.Active is { IsHeadless: false } service && service.Key == s.Name && service.Addresses.Contains(parsed))?.Active;
}

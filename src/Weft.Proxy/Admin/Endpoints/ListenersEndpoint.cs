namespace Weft.Proxy.Admin;

/// <summary><c>/listeners</c>: what is open, at which address (envoy.admin.v3.Listeners).</summary>
internal static class ListenersEndpoint
{
    public static void Serve(AdminSources sources, AdminRequest request, AdminResponse response)
    {
        var listeners = sources.Listeners().OrderBy(l => l.Key, StringComparer.Ordinal);
        if (!request.WantsJson)
        {
            foreach (var (name, address) in listeners) response.Body.Write($"{name}::{address}\n");
            return;
        }
        EnvoyJson.Respond(response, json =>
        {
            json.WriteStartArray("listener_statuses");
            foreach (var (name, address) in listeners)
            {
                json.WriteStartObject();
                json.WriteString("name", name);
                json.WriteAddress("local_address", address);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }
}

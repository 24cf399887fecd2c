using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using Weft.Resources;
using AppendAction = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;

namespace Weft.Control.Translation;

/// <summary>RequestHeaderModifier and ResponseHeaderModifier, on a route or on one of its backends.</summary>
internal static class HeaderTranslation
{
    public static void Apply(
        IEnumerable<HttpRouteFilter> filters,
        RepeatedField<HeaderValueOption> requestAdd, RepeatedField<string> requestRemove,
        RepeatedField<HeaderValueOption> responseAdd, RepeatedField<string> responseRemove)
    {
        foreach (var filter in filters)
        {
            switch (filter)
            {
                case RequestHeaderFilter request:
                    Apply(request.Changes, requestAdd, requestRemove);
                    break;
                case ResponseHeaderFilter response:
                    Apply(response.Changes, responseAdd, responseRemove);
                    break;
            }
        }
    }

    private static void Apply(HeaderChanges changes, RepeatedField<HeaderValueOption> add, RepeatedField<string> remove)
    {
        add.Add(changes.Set.Select(h => Option(h, AppendAction.OverwriteIfExistsOrAdd)));
        add.Add(changes.Add.Select(h => Option(h, AppendAction.AppendIfExistsOrAdd)));
        remove.Add(changes.Remove);
    }

    // A percent sign begins a substitution in xDS; what people write in a route is text.
    private static HeaderValueOption Option(KeyValuePair<string, string> header, AppendAction action) => new()
    {
        Header = new HeaderValue { Key = header.Key, Value = header.Value.Replace("%", "%%", StringComparison.Ordinal) },
        AppendAction = action,
    };
}

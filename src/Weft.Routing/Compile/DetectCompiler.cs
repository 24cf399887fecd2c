using Google.Protobuf;
using Weft.Routing.Listeners;
using Filter = Envoy.Config.Listener.V3.Filter;

namespace Weft.Routing.Compile;

/// <summary>The network filter weft.v1.detect.</summary>
internal static class DetectCompiler
{
    private static readonly MessageParser<Weft.V1.Detect> Parser = Weft.V1.Detect.Parser.WithDiscardUnknownFields(true);

    /// <param name="filter">A filter of type <see cref="TypeUrls.Detect"/>.</param>
    /// <param name="at">Of the filter.</param>
    /// <param name="into">Takes what is refused.</param>
    public static ProtocolDetection? Compile(Filter filter, FieldPath at, Compilation into)
    {
        at = at.Field("typed_config");
        if (into.Unpack(filter.TypedConfig, Parser, at) is not { } message) return null;
        var limit = into.Time(message.Limit, ProtocolDetection.Default.Limit, at.Field("limit"));
        if (limit < TimeSpan.FromMilliseconds(1) || limit > TimeSpan.FromSeconds(10)) into.Refuse(at.Field("limit"), $"{limit.TotalMilliseconds} ms is outside 1 ms to 10 s");
        var remember = into.Time(message.Remember, ProtocolDetection.Default.Remember, at.Field("remember"));
        if (remember > TimeSpan.FromDays(1)) into.Refuse(at.Field("remember"), $"{remember.TotalHours} h is longer than a day");
        return new ProtocolDetection(limit, remember);
    }
}

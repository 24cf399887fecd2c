using System.Collections.Immutable;
using Google.Protobuf;
using Weft.Resources;
using Weft.Routing.Compile;
using Weft.Xds;

namespace Weft.Control.Translation;

/// <summary>An xDS resource fresh from translation.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Name">Its name.</param>
/// <param name="Message">The message.</param>
/// <param name="Origins">The resources that caused it, the most telling first: whose status a refusal belongs to.</param>
internal sealed record Translated(XdsType Type, string Name, IMessage Message, ImmutableArray<ResourceKey> Origins);

/// <summary>A translation that Weft's own compiler refused. That is a defect of Weft, never of a person's resource, so it is counted and shown; until it is
/// mended the last version that compiled is served.</summary>
/// <param name="Type">Type of the xDS resource.</param>
/// <param name="Name">Its name.</param>
/// <param name="Rejections">What the compiler said.</param>
/// <param name="Origins">The resources that caused it.</param>
public sealed record TranslationProblem(XdsType Type, string Name, IReadOnlyList<Rejection> Rejections, ImmutableArray<ResourceKey> Origins);

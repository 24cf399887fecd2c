using System.CommandLine;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary>The kind and namespace that <c>get</c>, <c>describe</c> and <c>delete</c> speak of.</summary>
internal static class KindArgument
{
    public static Argument<string?> Kind() => new("KIND")
    {
        Description = "Kind of resource: plural, singular or short, as services, httproute, wl",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Argument<string?> Name() => new("NAME") { Description = "Name of the object", Arity = ArgumentArity.ZeroOrOne };

    public static Option<string> Namespace() => new("--namespace", "-n")
    {
        Description = "Namespace",
        HelpName = "NS",
        DefaultValueFactory = _ => "default",
    };

    /// <summary>The kind, and the name when it was written as one word: <c>service/catalog</c>.</summary>
    /// <exception cref="CliException">No kind is given, or there is none of that name.</exception>
    public static (ResourceKind Kind, string? Name) Find(string? text, string? name)
    {
        var known = string.Join(", ", ResourceKinds.All.Select(k => k.Plural));
        if (text is null) throw new CliException($"name a kind: {known}", ExitCode.Usage);
        var parts = text.Split('/');
        if (parts.Length > 2 || (parts.Length == 2 && name is not null)) throw new CliException($"\"{text}\": write KIND NAME or KIND/NAME", ExitCode.Usage);
        var kind = ResourceKinds.FindName(parts[0]) ?? throw new CliException($"no kind \"{parts[0]}\"; there are {known}", ExitCode.Usage);
        return (kind, parts.Length == 2 ? parts[1] : name);
    }
}

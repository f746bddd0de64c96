using System.Text.RegularExpressions;

namespace Fairlead.Terminal;

/// <summary>
/// Texts name this program's commands as <c>fairlead down</c>. Where it was started otherwise (out/fairlead down), they become
/// what works when it is typed again.
/// </summary>
internal static partial class AsTyped
{
    private const string Plain = "fairlead";
    private static readonly string Program = Environment.GetCommandLineArgs() is [{ Length: > 0 } first, ..] ? first : Plain;

    public static string Of(string text) => Of(text, Program);

    internal static string Of(string text, string program) => program == Plain ? text : Command().Replace(text, program);

    /// <summary>The word where a command's name follows it, so not in paths, names of images and contexts.</summary>
    [GeneratedRegex(@"(?<![\w/.:""'=-])fairlead(?= (?:up|down|status|doctor|trace|completion|kubeconfig|node|proxy|loadbalancer|dns|ingress|controllers|server|agent|image|echo|install|uninstall|backup|restore|version|--help)\b)")]
    private static partial Regex Command();
}

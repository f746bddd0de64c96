using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Bindings of roles.</summary>
internal static class RbacTables
{
    public static readonly TableLayout Bindings = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Role", "The role that is bound."),
        TablePrinter.Age,
        TablePrinter.Wide("Users", "Users to whom it is bound."),
        TablePrinter.Wide("Groups", "Groups to which it is bound."),
        TablePrinter.Wide("ServiceAccounts", "Service accounts to which it is bound."),
    ], (obj, now) => [obj.Name(), $"{obj.Text("roleRef", "kind")}/{obj.Text("roleRef", "name")}", obj.Age(now), Subjects(obj, "User"), Subjects(obj, "Group"), Subjects(obj, "ServiceAccount")]);

    private static string Subjects(JsonElement binding, string kind) => string.Join(", ", binding.List("subjects")
        .Where(subject => subject.Text("kind") == kind)
        .Select(subject => kind == "ServiceAccount" ? $"{subject.Text("namespace")}/{subject.Text("name")}" : subject.Text("name")));
}

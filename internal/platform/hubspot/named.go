package hubspot

import (
	"strings"

	"rapport/internal/platform"
)

// Named lists contacts.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, func(up []map[string]any) string { return platform.Field(up[len(up)-1], "portalId") },
		platform.Person{If: contact, ID: "objectId"},
		platform.Person{If: contact, IDs: "newObjectId primaryObjectId mergedObjectIds"},
		platform.Person{If: func(up []map[string]any) bool { return contact(up) && property(up, "email") }, ID: "objectId", Email: "propertyValue"},
		platform.Person{If: func(up []map[string]any) bool {
			return contact(up) && (property(up, "firstname") || property(up, "lastname"))
		}, ID: "objectId", Name: "propertyValue"})
}

// contact reports whether an event is about a contact, or does not say.
func contact(up []map[string]any) bool {
	o := up[len(up)-1]
	object, _, _ := strings.Cut(platform.Field(o, "subscriptionType"), ".")
	return object == "" || object == "contact" || object == "object" && platform.Field(o, "objectTypeId") == "0-1"
}

func property(up []map[string]any, name string) bool {
	return platform.Field(up[len(up)-1], "propertyName") == name
}
